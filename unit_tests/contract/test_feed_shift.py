"""A feed whose values are not what they were is stopped, and the message names the suspicion."""

import pandas as pd
import pytest

from unit_tests.helpers.reports import report_on
from vehicle_price.contract.distributions import OTHER
from vehicle_price.contract.feed_shift import MIN_ROWS, compare_columns
from vehicle_price.contract.report_html import render_report
from vehicle_price.contract.thresholds import judged
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.sample.source import generate

SETTINGS = Settings()


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample in random order: their own order is that of states."""
    return generate(4_000, seed=5).sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture(scope="module", name="usual")
def fixture_usual(raw) -> list[dict]:
    """The reports of two earlier ingests."""
    return [report_on(raw.iloc[1_000:2_500]), report_on(raw.iloc[2_500:])]


def multiplied(raw: pd.DataFrame, column: str, factor: float) -> pd.DataFrame:
    """The rows with a column's numbers times a factor, rounded."""
    numbers = (pd.to_numeric(raw[column], errors="coerce") * factor).round()
    return raw.assign(**{column: numbers.astype("Int64").astype("string")})


def broken_of(column: str, rows: pd.DataFrame, usual: list[dict]) -> str:
    """The message about a column."""
    messages = judged(report_on(rows), usual, SETTINGS)["broken"]
    (message,) = [m for m in messages if m.startswith(f"column {column} has")]
    return message


@pytest.mark.parametrize(
    "column, factor, words",
    [
        ("odometer", 1.609344, "kilometres for miles?"),
        ("odometer", 1 / 1.609344, "converted as if they were kilometres?"),
        ("odometer", 0.001, "thousands of miles for miles?"),
        ("price", 100, "cents for dollars?"),
        ("price", 0.001, "thousands of dollars for dollars?"),
    ],
)
def test_another_unit_is_named(raw, usual, column, factor, words):
    shown = {"odometer": "odometer_per_year"}.get(column, column)
    message = broken_of(shown, multiplied(raw.head(1_000), column, factor), usual)
    assert words in message and "usually" in message and "chance" in message
    assert "ingest once with MAX_FEED_SHIFT=1" in message
    if column == "price":
        assert "MAX_FEED_SHIFT=0.3 and chance allow 0." in message


def test_young_cars_are_no_other_unit(raw, usual):
    posted = raw["posting_date"].str[:4]
    years = pd.to_numeric(posted, errors="coerce") - pd.to_numeric(raw["year"], errors="coerce")
    compared = compare_columns(report_on(raw[years.between(2, 5)]), usual, 0.3)
    assert compared["odometer"].median < 0.7 * compared["odometer"].usual_median
    assert not compared["odometer_per_year"].shifted


def test_another_factor_is_a_shift_without_a_name(raw, usual):
    message = broken_of("price", multiplied(raw.head(1_000), "price", 4), usual)
    assert "times as much)" in message


@pytest.mark.parametrize(
    "column, old, new", [("manufacturer", "ford", "frod"), ("fuel", "gas", "petrol")]
)
def test_a_relabelled_level_is_named_with_its_successor(raw, usual, column, old, new):
    rows = raw.head(1_000).assign(**{column: raw[column].replace(old, new)})
    message = broken_of(column, rows, usual)
    assert f"{old!r} (usually " in message and f"{new!r} (" in message
    assert "is new: relabelled?" in message


def test_a_state_that_comes_no_more_and_another_that_is_new_are_no_relabelling():
    ordered = generate(3_000, seed=5)
    assert set(ordered["state"].head(500)).isdisjoint(ordered["state"].tail(500))
    usual = [report_on(ordered.head(500))]
    compared = compare_columns(report_on(ordered.tail(500)), usual, 0.3)["state"]
    assert compared.distance > 0.9 and not compared.shifted


def test_levels_in_other_shares_stop_the_run_and_are_named(raw, usual):
    rows = raw.head(1_000)
    manual = rows.assign(transmission=rows["transmission"].where(rows.index % 2 == 0, "manual"))
    message = broken_of("transmission", manual, usual)
    assert "has other levels than usual: " in message and "manual 5" in message


def test_the_same_feed_is_not_stopped_and_the_page_shows_the_distances(raw, usual):
    report = judged(report_on(raw.head(1_000)), usual, SETTINGS)
    assert not report["broken"]
    assert report["comparison"]["status"] == "compared with 2 earlier reports"
    facts = report["comparison"]["columns"]["odometer"]
    assert facts["distance"] < facts["limit"] < 0.4
    page = render_report(report)
    assert "Beside earlier reports" in page and f"{facts['distance']:.3f}" in page


def test_the_real_days_of_a_backfill_break_nothing_and_the_last_is_partial(real_data):
    query = SourceQuery(data=str(real_data / "craigslist-carstrucks-data.zip"))
    raw = pd.concat(list(SOURCES["file"].read(query, SETTINGS)))
    earlier: list[dict] = []
    for day, rows in raw.groupby(raw["posting_date"].str[:10]):
        report = judged(report_on(rows, since=str(day), until=str(day)), earlier[:10], SETTINGS)
        assert not report["broken"], day
        earlier.insert(0, report)
    assert len(earlier) == 25
    assert [bool(report["warnings"]) for report in earlier[:3]] == [True, False, False]


def test_few_rows_are_not_compared_and_the_report_says_so(raw, usual):
    few = multiplied(raw.head(MIN_ROWS - 1), "price", 100)
    settings = Settings(min_usual_rows_share=0)
    comparison = judged(report_on(few), usual, settings)["comparison"]
    assert comparison["columns"] == {}
    assert comparison["status"].startswith(f"too few rows to compare: {MIN_ROWS - 1}, ")
    enough = multiplied(raw.head(MIN_ROWS + 10), "price", 100)
    assert judged(report_on(enough), usual, settings)["broken"]


def test_the_limits_are_wider_the_fewer_the_rows(raw, usual):
    compared = [compare_columns(report_on(raw.head(n)), usual, 0.3) for n in (100, 400, 1_000)]
    limits = [columns["price"].limit for columns in compared]
    assert limits == sorted(limits, reverse=True) and limits[-1] > 0.3
    factors = [columns["odometer_per_year"].median_factor for columns in compared]
    assert factors == sorted(factors, reverse=True) and factors[-1] > 1.2


def test_rows_without_a_common_level_are_compared_with_their_like(raw, usual):
    report = report_on(raw.head(1_000))
    makes = report["distributions"]["manufacturer"]
    rest = {OTHER: sum(makes.values())}
    changed = report | {"distributions": {"manufacturer": rest}}
    assert compare_columns(changed, usual, 0.3)["manufacturer"].distance > 0.9
