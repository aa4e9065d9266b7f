"""Replay: the market, day by day, comes to what it would have been all at once."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from unit_tests.helpers.store import DAYS, RAW
from vehicle_price.cli import main
from vehicle_price.contract.posting_day import UNDATED, day_after, posting_days
from vehicle_price.pipelines import ingestion, replay
from vehicle_price.settings import Settings
from vehicle_price.sources.base import Source, SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.frames import within
from vehicle_price.storage.dataset import watermark_of


@pytest.fixture(name="csv", scope="module")
def _csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "vehicles.csv"
    RAW.to_csv(path, index=False)
    return str(path)


@pytest.fixture(name="settings")
def _settings(tmp_path):
    return replace(Settings(), data_root=str(tmp_path / "data"), local_dir=str(tmp_path))


def test_each_row_comes_once_on_its_own_day(tmp_path):
    handed = [
        (day, pd.concat(frames)) for day, frames in replay.days([RAW[200:], RAW[:200]], tmp_path)
    ]
    days = [day for day, _ in handed]
    assert days == sorted(set(days))
    rows = pd.concat([frame for _, frame in handed])
    assert sorted(rows["id"].dropna()) == sorted(RAW["id"].dropna()) and len(rows) == len(RAW)
    for number, (day, frame) in enumerate(handed):
        days_of_rows = set(
            posting_days(pd.Series(frame["posting_date"]).array.__arrow_array__()).to_pylist()
        )
        assert days_of_rows - {UNDATED} == {day}
        assert number == 0 or UNDATED not in days_of_rows


def test_nothing_but_undated_rows_cannot_be_replayed(tmp_path):
    with pytest.raises(ValueError, match="none of 9 rows has a posting day"):
        list(replay.days([RAW.head(9).assign(posting_date="soon")], tmp_path))


def test_replaying_gives_the_dataset_of_a_full_load(csv, settings, tmp_path):
    whole = ingestion.ingest(replace(settings, data_root=str(tmp_path / "b")), "file", csv, 0, 0)
    answers = list(ingestion.replay_days(settings, "file", SourceQuery(csv)))
    assert len(answers) >= len(DAYS)
    last = answers[-1][1]
    for name in ("sha256", "rows", "quarantined", "reasons", "first_day", "last_day"):
        assert last[name] == whole[name]
    assert sum(a["batch"]["read"] for _, a in answers) == whole["batch"]["read"] == len(RAW)
    assert sum(a["batch"]["new"] for _, a in answers) == whole["rows"]


def test_the_store_never_knows_more_than_the_day_that_was_reached(csv, settings):
    for day, dataset in ingestion.replay_days(settings, "file", SourceQuery(csv)):
        assert dataset["last_day"] <= day
        assert watermark_of(settings.data_root, "file") == day


def test_an_interrupted_replay_is_simply_started_again(csv, settings, tmp_path):
    whole = ingestion.ingest(replace(settings, data_root=str(tmp_path / "b")), "file", csv, 0, 0)
    for _, (day, _) in zip(range(5), ingestion.replay_days(settings, "file", SourceQuery(csv))):
        assert day < DAYS[-1]
    *_, (_, last) = ingestion.replay_days(settings, "file", SourceQuery(csv))
    assert last["sha256"] == whole["sha256"] and last["rows"] == whole["rows"]


def test_backfilling_days_in_any_order_gives_the_same_listings(csv, settings, tmp_path):
    whole = ingestion.ingest(replace(settings, data_root=str(tmp_path / "b")), "file", csv, 0, 0)
    for day in [*DAYS[::-2], *DAYS[-2::-2], DAYS[3]]:
        last = ingestion.ingest(settings, "file", csv, 0, 0, since=day, until=day)
    assert last["sha256"] == whole["sha256"]


def test_a_day_lasts_as_long_as_was_asked(csv, settings):
    slept = []
    query = SourceQuery(csv, since=DAYS[0], until=DAYS[2])
    list(ingestion.replay_days(settings, "file", query, 60, slept.append))
    assert len(slept) == 3 and all(50 < seconds <= 60 for seconds in slept)


def test_an_incremental_source_is_asked_from_a_week_before_its_watermark(settings, monkeypatch):
    asked = []

    def read(query, _):
        asked.append(query.since)
        yield from within([RAW], query)

    monkeypatch.setitem(SOURCES, "mongodb", Source("mongodb", "", read))

    def ingest(**span):
        return ingestion.ingest(settings, "mongodb", "", 0, 0, **span)

    ingest(until="2021-04-20")
    late = ingest()
    ingest()
    ingest(until="2021-04-10")
    ingest(since="2021-04-01")
    assert asked == ["", "2021-04-13", day_after(late["last_day"], -7), "", "2021-04-01"]


def test_made_up_listings_never_mix_with_real_ones(csv, settings):
    real = ingestion.ingest(settings, "file", csv, 0, 0)
    made_up = ingestion.ingest(settings, "sample", "", 1_000, 1)
    another = ingestion.ingest(settings, "sample", "", 1_000, 2)
    assert made_up["rows"] + made_up["quarantined"] == 1_000
    assert another["sha256"] != made_up["sha256"] and another["rows"] < 1_000
    again = ingestion.ingest(settings, "file", csv, 0, 0)
    assert again == real | {"batch": real["batch"] | {"new": 0}, "report": again["report"]}


def test_the_command_replays_the_days_asked_for_and_prints_the_dataset(
    csv, settings, monkeypatch, capsys
):
    monkeypatch.setenv("DATA_ROOT", settings.data_root)
    monkeypatch.setenv("LOCAL_DIR", settings.local_dir)
    command = ["replay", "--data", csv, "--from", DAYS[1], "--to", DAYS[2]]
    assert main.main(command) == 0
    dataset = json.loads(capsys.readouterr().out)
    assert (dataset["first_day"], dataset["last_day"]) == (DAYS[1], DAYS[2])
    assert main.main(["ingest", "--data", csv, "--since", DAYS[0], "--until", DAYS[3]]) == 0
    dataset = json.loads(capsys.readouterr().out)
    assert (dataset["first_day"], dataset["last_day"]) == (DAYS[0], DAYS[3])


@pytest.mark.parametrize(
    "command", ["ingest --since 4.4.2021", "ingest --since 2021-05-01 --until 2021-04-01"]
)
def test_senseless_days_are_refused_with_a_message(csv, settings, monkeypatch, capsys, command):
    monkeypatch.setenv("DATA_ROOT", settings.data_root)
    assert main.main([*command.split(), "--data", csv]) == 1
    assert "since" in capsys.readouterr().err
