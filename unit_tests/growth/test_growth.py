"""The benchmark of growth: its table, its steps, and what it calls missed."""

import pandas as pd
import pytest

from benchmarks.growth import measure, report, steps, table
from benchmarks.growth.engines import Engine, own_usage
from benchmarks.growth.measure import INGEST, Figure
from benchmarks.growth.plot import draw
from unit_tests.helpers import tiny
from unit_tests.helpers.store import stored
from vehicle_price.model import artifact
from vehicle_price.storage.dataset import dataset_days

READING = Figure("reading", 0.2, 0, 1.0, 1.0, 300.0, 200_000, "17")


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    """A folder with a table and a model."""
    folder = tmp_path_factory.mktemp("growth")
    stored(folder, tiny.raw())
    artifact.save(tiny.valuation("xgboost"), folder / "model")
    return folder


def another_map(function, items):
    """Calls in another way than `map`, so that the steps take the way of a cluster."""
    return [function(item) for item in items]


@pytest.mark.parametrize("step", steps.STEPS)
def test_a_step_has_the_same_result_with_every_engine(folder, step):
    uri = f"{folder}/listings/accepted@v0"
    engines = [Engine(each, lambda: [own_usage()]) for each in (map, another_map)]
    one, other = (steps.STEPS[step](uri, engine, folder) for engine in engines)
    assert one == other and one.rows > 1_000


def test_one_price_more_is_another_result(folder, tmp_path):
    (tmp_path / "model").symlink_to(folder / "model")
    raw = tiny.raw()
    price = raw["price"].mask(raw["id"] == tiny.halves().train["id"][0], "7777")
    uris = [f"{folder}/listings/accepted@v0", stored(tmp_path, raw.assign(price=price)).uri]
    engine = Engine(map, lambda: [own_usage()])
    for step in ("reading", "training input"):
        results = {steps.STEPS[step](uri, engine, tmp_path).digest for uri in uris}
        assert len(results) == 2, step


def test_a_month_more_is_a_version_more_with_later_days(tmp_path):
    first, second = (table.add_part(str(tmp_path), number, 700) for number in range(2))
    assert first.uri.endswith("@v0") and second.uri.endswith("@v1")
    assert second.rows - first.rows > 500
    days = [{day.file.day for day in dataset_days(dataset.uri)} for dataset in (first, second)]
    assert max(days[0]) == "2021-05-04"
    assert min(days[1] - days[0]) == "2021-05-05" and max(days[1]) == "2021-06-04"


def test_what_breaks_a_bound_or_depends_on_the_engine_is_named():
    assert not report.missed([READING, READING._replace(workers=2, peak_mb=9_000)])
    (sentence,) = report.missed([READING._replace(peak_mb=report.bound_mb(READING) + 1)])
    assert "reading of 0.2 million listings took 451 MB" in sentence
    (sentence,) = report.missed([READING, READING._replace(workers=1, digest="18")])
    assert "results differ" in sentence
    assert report.missed([READING, READING._replace(workers=1, rows=1)])


def test_only_the_bound_of_training_input_grows_with_the_table():
    for step in report.BOUNDS:
        figure = READING._replace(step=step)
        grown = report.bound_mb(figure._replace(listings=10.0))
        assert (grown > report.bound_mb(figure)) == (step == "training input"), step


def test_figures_are_kept_and_shown_with_a_gap_where_nothing_was_measured(tmp_path):
    two = [READING, READING._replace(workers=2, listings=1.0, seconds=1234.5)]
    for figure in two:
        measure.keep(tmp_path, figure)
    assert measure.figures(tmp_path) == two
    rows = report.table([*two, READING._replace(step=INGEST)]).splitlines()
    assert rows[0] == (
        "| step | million listings | one process | its memory | Dask, 2 workers | its memory |"
    )
    assert rows[2].startswith(f"| {INGEST} | 0.2 | 1.0 s (1.0) | 300 of")
    assert rows[3] == "| reading | 0.2 | 1.0 s (1.0) | 300 of 450 MB | – | – |"
    assert rows[4] == "| reading | 1 | – | – | 1,234.5 s (1.0) | 300 MB |"
    draw(two, tmp_path / "growth.svg")
    assert "Dask, 2 workers" in (tmp_path / "growth.svg").read_text("utf-8")


def test_missing_dates_stay_missing_in_a_later_month():
    dates = pd.Series(["2021-04-30T23:59:00-0700", None], dtype="string")
    assert table.later(dates, 0).tolist() == dates.tolist()
    assert table.later(dates, 31).isna().tolist() == [False, True]
