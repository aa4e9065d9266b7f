"""The counts of a feed's values add up, tell medians and take bounded memory."""

import pandas as pd
import pyarrow as pa
import pytest

from unit_tests.helpers.reports import report_on
from vehicle_price.contract.distributions import (
    COUNTED_UNKNOWN,
    KEPT_UNKNOWN,
    LEVELS,
    MISSING,
    NUMBERS,
    OTHER,
    Distributions,
    Values,
    added,
    binned_array,
    median_of,
)
from vehicle_price.sources.sample.source import generate


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample."""
    return generate(2_000, seed=5)


def test_every_row_is_counted_in_every_column_of_levels(raw):
    counts = report_on(raw)["distributions"]
    assert set(counts) == {*NUMBERS, *LEVELS}
    for name in LEVELS:
        assert sum(counts[name].values()) == len(raw), name


def test_rows_that_are_quarantined_count_too(raw):
    report = report_on(raw.assign(price="1500000"))  # cents
    assert report["accepted"] == 0
    assert sum(report["distributions"]["price"].values()) == len(raw)


def test_counts_of_reports_add_up(raw):
    parts = [report_on(raw.head(700)), report_on(raw.tail(1_300))]
    whole = report_on(raw)["distributions"]
    for name, counts in whole.items():
        assert added([part["distributions"][name] for part in parts]) == counts


@pytest.mark.parametrize("name, column", [("price", "price"), ("odometer", "odometer")])
def test_the_median_is_known_to_a_bin(raw, name, column):
    numbers = pd.to_numeric(raw[column], errors="coerce").dropna()
    counts = report_on(raw)["distributions"][name]
    exact = numbers[numbers >= 1].median()
    assert median_of(name, binned_array(name, counts)) == pytest.approx(exact, rel=0.07)


def test_an_age_is_counted_from_the_posting():
    row = {"posting_date": "2021-04-28", "year": "2014", "price": "9000", "odometer": "8"}
    counts = report_on(pd.DataFrame([row, row | {"year": "2030"}, row | {"year": "1"}]))
    assert counts["distributions"]["age"] == {"7": 1, "-3": 1, "100": 1}


def test_the_mileage_of_a_year_counts_the_first_year_as_a_whole_one():
    row = {"posting_date": "2021-04-28", "year": "2011", "price": "9000", "odometer": "5000"}
    rows = [row, row | {"year": "2021", "odometer": "500"}, row | {"odometer": ""}]
    counts = report_on(pd.DataFrame(rows))["distributions"]["odometer_per_year"]
    assert counts == {"447": 2}


def test_without_a_value_there_is_no_median():
    assert median_of("price", binned_array("price", {"0": 7})) is None
    assert median_of("age", binned_array("age", {})) is None


def test_a_column_of_different_texts_takes_bounded_memory():
    rows = COUNTED_UNKNOWN + 500
    common = ["ford"] * 20 + ["tata"] * 10 + [None]
    texts = pa.array([*common, *(f"make {n}" + "x" * 90 for n in range(rows))])
    distributions = Distributions()
    for _ in range(2):
        distributions.add(Values({}, {"manufacturer": texts}))
    counts = distributions.counts()["manufacturer"]
    assert counts["ford"] == 40 and counts["tata"] == 20 and counts[MISSING] == 2
    assert len(counts) == KEPT_UNKNOWN + 3 and counts[OTHER] > rows
    assert sum(counts.values()) == 2 * len(texts)
    assert max(map(len, counts)) <= 60
