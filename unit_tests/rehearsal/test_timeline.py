"""What a rehearsal reads from `GET /monitoring`, and the picture of it."""

from datetime import datetime, timedelta

import pytest

from setup.rehearsal import picture
from setup.rehearsal.timeline import DISTANCE, timeline_of

START = datetime.fromisoformat("2026-03-01T00:00:00+00:00")


def at(day: float) -> str:
    """A moment in the answer."""
    return (START + timedelta(days=day)).isoformat()


def window(day: int, version: str, bias: float | None, role: str = "production") -> dict:
    """The figures of a window."""
    bias_row = {"status": "ok", "value": bias, "expected": 0.01, "limit": 0.05, "rows": 60}
    ape = {"status": "ok", "value": 0.1, "expected": 0.1, "limit": 0.15, "rows": 60}
    figures = {"bias": bias_row, "median_ape": ape}
    return {"window_start": at(day), "version": version, "role": role, "figures": figures}


def column(name: str, *distances: float | None) -> dict:
    """A column of the requests, with its limit of 0.1."""
    statuses = ["drift" if d and d > 0.1 else "ok" for d in distances]
    limits = [None if d is None else 0.1 for d in distances]
    return {"column": name, "distance": list(distances), "limit": limits, "status": statuses}


REPORT = {
    "windows": [at(0), at(1), at(2)],
    "columns": [column("odometer", None, 0.05, 0.3), column("age", None, 0.08, 0.02)],
    "performance": [
        window(1, "2", 0.2),
        window(0, "2", 0.01),
        window(0, "3", 0.5, role="shadow"),
        window(2, "2", None),
    ],
    "incidents": [
        {"rule": "performance_bias", "channel": "", "severity": "page", "message": "too low",
         "opened_at": at(1.5), "resolved_at": at(2.5)},
        {"rule": "drift_day", "channel": "api", "severity": "warn", "message": "odometer",
         "opened_at": at(2.1), "resolved_at": None},
    ],
    "retrainings": [
        {"causes": ["bias 0.2"], "state": "promoted", "outcome": "version 4", "started_at": at(1.6),
         "ended_at": at(2.4)},
    ],
    "production_changes": [
        {"version": "4", "previous": "2", "changed_at": at(2.4)},
        {"version": "2", "previous": None, "changed_at": at(-1)},
    ],
}  # fmt: skip


def test_events_are_in_the_order_of_time():
    found = [(event.kind, event.key) for event in timeline_of(REPORT).events]
    assert found == [
        ("promotion", "2"),
        ("incident", "performance_bias"),
        ("retraining", ""),
        ("incident", "drift_day"),
        ("promotion", "4"),
        ("retraining_ended", "promoted"),
        ("resolved", "performance_bias"),
    ]


def test_figures_are_of_production_and_only_of_windows_that_could_be_judged():
    figures = timeline_of(REPORT).figures
    biases = [(f.start.isoformat(), f.value) for f in figures if f.name == "bias"]
    assert biases == [(at(0), 0.01), (at(1), 0.2)]
    assert all(figure.version in ("", "2") for figure in figures)


def test_the_requests_are_shown_by_the_column_nearest_to_its_limit():
    distances = [f for f in timeline_of(REPORT).figures if f.name == DISTANCE]
    assert [f.value for f in distances] == pytest.approx([0.8, 3.0])
    assert [f.status for f in distances] == ["ok", "drift"]


@pytest.mark.parametrize("report", [REPORT, {name: [] for name in REPORT}])
def test_the_picture_is_drawn_also_of_nothing(report, tmp_path):
    def number(moment: datetime) -> float:
        return 1 + (moment - START).total_seconds() / 86_400

    path = tmp_path / "timeline.png"
    picture.draw(timeline_of(report), number, "Rehearsal", 2, path)
    assert path.stat().st_size > 10_000
