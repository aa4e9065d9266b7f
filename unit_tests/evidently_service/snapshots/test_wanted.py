"""Each judged day has a snapshot, a week if it drifted; the newest are kept."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from evidently_service.snapshots.wanted import file_of, is_pictured, superfluous, wanted
from vehicle_price.monitoring.snapshot_address import snapshot_path
from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log.monitoring_store import Result

START = datetime(2026, 3, 1, tzinfo=UTC)


def result(day, metric="drift_day", verdict=Status.OK, version="", channel="api"):
    """The result of a whole window."""
    start = START + timedelta(days=day)
    end = start + timedelta(days=1)
    details = {"verdict": verdict}
    status = Status.FEW_CALLERS
    return Result(start, end, version, "", channel, metric, "", status, 0, 0, 0, 9, details)


@pytest.mark.parametrize(
    ("metric", "verdict", "expected"),
    [
        ("drift_day", Status.OK, True),
        ("drift_day", Status.SEVERE_DRIFT, True),
        ("drift_day", Status.LEARNING, False),
        ("drift_day", Status.NOT_ENOUGH_DATA, False),
        ("drift_week", Status.OK, False),
        ("drift_week", Status.DRIFT, True),
    ],
)
def test_what_is_pictured(metric, verdict, expected):
    assert is_pictured(metric, verdict) == expected


def test_the_newest_windows_of_all_channels_are_wanted_and_no_versions():
    results = [result(0), result(1), result(1, version="7"), result(2, channel="form")]
    assert [(p.channel, p.start.day) for p in wanted(results, 2)] == [("api", 2), ("form", 3)]
    assert len(wanted(results, 100)) == 3
    assert not wanted(results, 0)


def test_a_snapshot_has_the_same_address_in_every_run_and_another_for_each_window():
    pictures = wanted([result(0), result(1), result(0, "drift_week", Status.DRIFT)], 100)
    assert len({picture.snapshot for picture in pictures}) == 3
    first = pictures[0]
    path = snapshot_path(first.channel, first.metric, first.start)
    assert path == f"/projects/{first.project}/reports/{first.snapshot}"
    assert first.project == UUID("217fe402-aa9f-5457-b7fd-6feefae93bc0")  # links stay valid


def test_what_is_not_wanted_any_more_is_superfluous_and_nothing_else(tmp_path):
    old, new = wanted([result(0), result(1)], 2)
    for picture in (old, new):
        file = file_of(tmp_path, picture)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / str(new.project) / "metadata.json").touch()
    assert superfluous(tmp_path, [new]) == [file_of(tmp_path, old)]
    assert not superfluous(tmp_path, [old, new])
