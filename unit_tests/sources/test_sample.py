"""The built-in sample: the same bytes for a seed, and as dirty as the real thing."""

import numpy as np
import pandas as pd
import pytest

from vehicle_price.contract.check import STORED_COLUMNS, check, rule_of
from vehicle_price.schema import BY_NAME
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.sample.source import generate, write_csv

CAR = ["price", "year", "manufacturer", "model", "odometer"]


@pytest.fixture(scope="module", name="listings")
def fixture_listings() -> pd.DataFrame:
    """Raw listings of the sample."""
    return generate(20_000)


@pytest.fixture(scope="module", name="accepted")
def fixture_accepted(listings) -> pd.DataFrame:
    """Those of them that satisfy the contract."""
    return check(listings).accepted.to_pandas()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_csv(tmp_path / name, 2_000, seed, descriptions=True)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_the_source_yields_what_generate_makes_in_text_columns_of_the_schema():
    frames = list(SOURCES["sample"].read(SourceQuery(rows=60_000, seed=4), Settings()))
    assert [len(frame) for frame in frames] == [50_000, 10_000]
    whole = pd.concat(frames, ignore_index=True)
    assert tuple(whole.columns) == STORED_COLUMNS
    pd.testing.assert_frame_equal(whole, generate(60_000, 4)[list(STORED_COLUMNS)])


@pytest.mark.parametrize("rows", [1, 2, 27, 500])
def test_any_number_of_rows_can_be_asked_for(rows):
    assert len(generate(rows)) == rows


@pytest.mark.parametrize("rows", [0, -1, 10**9])
def test_a_senseless_number_of_rows_is_refused(rows):
    with pytest.raises(SourceError, match="rows"):
        generate(rows)


def test_fields_are_missing_about_as_often_as_on_craigslist(listings):
    missing = listings.isna().mean()
    real = {"size": 0.72, "cylinders": 0.42, "condition": 0.41, "VIN": 0.38, "drive": 0.31}
    real |= {"paint_color": 0.31, "type": 0.22, "manufacturer": 0.041, "title_status": 0.019}
    real |= {"lat": 0.015, "model": 0.012, "odometer": 0.010, "fuel": 0.007, "county": 1.0}
    for name, share in real.items():
        assert missing[name] == pytest.approx(share, rel=0.12, abs=0.006), name


def test_the_first_rows_hold_next_to_nothing(listings):
    filled = listings.head(27).notna().all()
    assert set(filled[filled].index) == {"id", "url", "region", "region_url", "price", "state"}


def test_cars_are_reposted_and_ids_are_unique(listings):
    assert listings["id"].is_unique
    assert listings.duplicated(CAR).mean() == pytest.approx(0.44, abs=0.03)
    often = listings.groupby(CAR).agg(times=("id", "size"), regions=("region", "nunique"))
    assert often["times"].max() > 20
    assert often["regions"].max() > 10


def test_junk_prices_are_there(listings):
    price = listings["price"].astype("int64")
    assert (price == 0).mean() == pytest.approx(0.072, abs=0.015)
    assert {1, 1234567, 123456789, 3736928711} <= set(price)


def test_odd_texts_are_there(listings):
    for text in (",", '"', "&", "$", "\N{FIRE}", "\N{ZERO WIDTH SPACE}"):
        assert listings["model"].str.contains(text, regex=False).any(), text
    assert listings["model"].str.fullmatch("[0-9]+").mean() > 0.005
    assert listings["VIN"].str.fullmatch(r"\d\.\d+E\+1\d").any()


def test_a_missing_make_stands_in_the_model(listings):
    without = listings["manufacturer"].isna() & listings["model"].notna()
    assert listings.loc[without, "model"].str.match("(?i)scion|hummer|ford|toyota").any()


def test_vins_have_a_right_check_digit(listings):
    """By 49 CFR 565, computed here letter by letter."""
    worth = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)]))
    weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
    whole = [vin for vin in listings["VIN"].dropna().head(200) if len(vin) == 17]
    for vin in whole:
        total = sum(w * (int(c) if c.isdigit() else worth[c]) for c, w in zip(vin, weights))
        assert vin[8] == "0123456789X"[total % 11]


def test_postings_span_a_month_in_several_offsets(accepted, listings):
    assert (accepted["posting_day"].min(), accepted["posting_day"].max()) == (
        "2021-04-04",
        "2021-05-04",
    )
    assert listings["posting_date"].str[-5:].nunique() >= 5


def test_nine_of_ten_listings_are_good_and_the_rest_bad_for_the_known_reasons(listings):
    checked = check(listings)
    assert 0.82 < len(checked.accepted) / len(listings) < 0.92
    rules = {
        rule_of(reason) for row in checked.quarantined["reasons"].to_pylist() for reason in row
    }
    assert {
        "price: below 500 USD",
        "price: above 150000 USD",
        "manufacturer: missing",
        "odometer: above 500000 miles",
        "year: missing",
        "posting_date: missing",
    } <= rules


def test_accepted_levels_are_those_of_the_schema(accepted):
    for name in ("manufacturer", "condition", "cylinders", "fuel", "drive", "type", "state"):
        assert set(accepted[name].dropna()) <= set(BY_NAME[name].levels)


def test_prices_follow_what_a_buyer_expects(accepted):
    log_price = np.log(accepted["price"])

    def middle(rows: pd.Series) -> float:
        return float(log_price[rows].median())

    year, toyota = accepted["year"], accepted["manufacturer"] == "toyota"
    assert (
        middle(year >= 2019) > middle(year.between(2014, 2016)) > middle(year.between(2006, 2009))
    )
    same_age = year.between(2012, 2015)
    assert middle(same_age & (accepted["odometer"] < 80_000)) > middle(
        same_age & (accepted["odometer"] > 140_000)
    )
    assert middle(accepted["condition"] == "excellent") > middle(accepted["condition"] == "fair")
    assert middle(accepted["title_status"] == "clean") > middle(
        accepted["title_status"] == "salvage"
    )
    assert middle(same_age & toyota) > middle(same_age & (accepted["manufacturer"] == "nissan"))
