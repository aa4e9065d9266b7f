"""One listing and a frame of listings are looked up in the same tables."""

import gc
import math
import weakref

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unit_tests.helpers import tiny
from vehicle_price.contract.check import check
from vehicle_price.features.encoder import (
    FEATURE_NAMES,
    MAX_AGE,
    MIN_AGE,
    MONOTONE,
    Encoder,
    Tables,
    car_keys,
    encode_row,
)
from vehicle_price.features.frame import encode_frame
from vehicle_price.listing.validation import check_many
from vehicle_price.schema import EXAMPLE, FEATURES, MANUFACTURERS
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES

REQUIRED = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}
WORDS = ("civic", "accord ex-l", "F-150", "xlt", "lariat", "1500", "Crew-Cab", "honda", "2.5", "🚗")


def tables() -> Tables:
    """Those of the tiny model."""
    return tiny.valuation("xgboost").tables


def of_one(listing: dict[str, object]) -> np.ndarray:
    """The inputs of one listing as the booster gets them."""
    return np.array(encode_row(tables(), listing), np.float32)


def input_of(listing: dict[str, object], name: str) -> float:
    """One input by its name."""
    return float(of_one(listing)[FEATURE_NAMES.index(name)])


MODELS = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=6).map(" ".join)
LISTINGS = st.fixed_dictionaries(
    {
        "year": st.integers(1970, 2030),
        "manufacturer": st.sampled_from(MANUFACTURERS) | st.text(min_size=1, max_size=8),
        "odometer": st.integers(0, 500_000),
    },
    optional={
        "model": st.none() | MODELS,
        "posting_date": st.none() | st.datetimes().map(lambda d: d.isoformat()),
        **{
            c.name: st.none() | st.sampled_from(c.levels or ("san diego",)) | st.text(max_size=8)
            for c in FEATURES
            if not c.required and c.name != "model"
        },
    },
)


@given(st.lists(LISTINGS, min_size=1, max_size=12))
@example([REQUIRED])
@example([EXAMPLE | {"model": "\x00\U0001f697 \u0130\u200b F\u2019150 " + "xlt " * 50}, REQUIRED])
def test_a_listing_alone_and_in_a_frame_has_equal_inputs_and_prices(listings):
    frame = pd.DataFrame(listings)
    together = encode_frame(tables(), frame)
    alone = np.array([of_one(listing) for listing in listings])
    assert together.dtype == np.float32 and together.shape == (len(listings), len(FEATURE_NAMES))
    assert np.isfinite(together).all()
    assert together.tobytes() == alone.tobytes()
    priced = tiny.valuation("xgboost").price_frame(frame)[["price", "low", "high"]]
    one_by_one = [tiny.valuation("xgboost").price_one(listing)[:3] for listing in listings]
    assert [tuple(row) for row in priced.to_numpy().tolist()] == one_by_one


@pytest.mark.parametrize(
    "name", ["craigslist-carstrucks-data.zip", "craigslist_2020_sample.csv.gz"]
)
def test_a_real_listing_sent_alone_is_what_training_makes_of_it(real_data, name):
    """From the raw text on: through the request check, and through the contract."""
    raw = next(SOURCES["file"].read(SourceQuery(data=str(real_data / name)), Settings())).iloc[::10]
    accepted = check(raw).accepted.to_pandas()
    sent = raw.set_index("id").loc[accepted["id"]].drop(columns="price").to_dict("records")
    for listing in sent:
        listing |= {k: float(listing[k]) for k in ("year", "odometer")}
    listings = check_many(sent)
    assert len(listings) > 500
    together = encode_frame(tables(), accepted)
    assert together.tobytes() == np.array([of_one(one) for one in listings]).tobytes()
    for family in tiny.FEW_TREES:
        prices = tiny.valuation(family).price_frame(accepted)
        assert [e.price for e in tiny.valuation(family).price_many(listings)] == prices[
            "price"
        ].tolist()


@pytest.mark.parametrize("posted", ["2020-12-31T20:30:00-0800", "2021-01-01T03:30:00+0900"])
def test_the_posting_year_is_the_sellers_own_in_both_paths(posted):
    listing = REQUIRED | {"posting_date": posted}
    raw = {"id": "1", "price": "9000"} | {k: str(v) for k, v in listing.items()}
    accepted = check(pd.DataFrame([raw])).accepted.to_pandas()
    assert encode_frame(tables(), accepted)[0].tolist() == of_one(listing).tolist()
    assert input_of(listing, "age") == int(posted[:4]) - 2014


def test_age_counts_from_the_posting_and_else_from_the_newest_training_year():
    assert input_of(REQUIRED | {"posting_date": "2018-03-01"}, "age") == 4
    assert input_of(REQUIRED, "age") == tables().base_year - 2014 == 7


def test_age_stays_within_what_the_curves_cover():
    assert input_of(REQUIRED | {"year": 2030}, "age") == MIN_AGE
    assert input_of(REQUIRED | {"year": 1970, "posting_date": "2099-01-01"}, "age") == MAX_AGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("F-150 XLT", "f150 xlt"),
        ("f\u2011150", "f 150"),
        ("Civic, EX", "civic ex"),
        ("civic\u200b", "civic"),
        ("honda civic", "civic"),
        ("rav4 2.5", "RAV4/2.5"),
    ],
)
def test_spellings_of_one_model_have_one_key(one, other):
    assert car_keys("honda", one) == car_keys("honda", other)


def test_makes_never_share_a_model():
    assert set(car_keys("honda", "1500").groups).isdisjoint(car_keys("ram", "1500").groups)


def test_a_text_of_a_hundred_words_is_cut():
    assert len(car_keys("ford", "x1 " * 100).words) == 12


def test_an_unseen_trim_counts_as_its_model_and_an_unseen_model_as_its_make():
    known = REQUIRED | {"model": "civic"}
    trim = known | {"model": "civic zyxwv"}
    assert input_of(trim, "offset_text") == input_of(known, "offset_word1") != 0
    assert input_of(trim, "curve_word2") == input_of(known, "curve_word1")
    assert input_of(trim, "count_word1") > 0 == input_of(trim, "count_text")
    model = REQUIRED | {"model": "zyxwv"}
    assert input_of(model, "offset_text") == input_of(model, "offset_make") != 0
    assert input_of(model, "curve_word2") == input_of(model, "curve_make")


def test_an_unseen_make_counts_as_all_cars():
    stranger = REQUIRED | {"manufacturer": "zyxwv"}
    assert input_of(stranger, "offset_text") == 0
    assert input_of(stranger, "curve_word2") == input_of(stranger, "curve_all")
    assert math.isclose(
        input_of(stranger, "curve_all"), tables().curve_all[7 - MIN_AGE], abs_tol=1e-5
    )


def test_absent_none_and_a_missing_column_are_the_same():
    absent = of_one(REQUIRED)
    nothing = dict.fromkeys((c.name for c in FEATURES), None) | REQUIRED
    assert of_one(nothing).tolist() == absent.tolist()
    assert encode_frame(tables(), pd.DataFrame([nothing]))[0].tolist() == absent.tolist()
    assert of_one(REQUIRED | {"type": "pickup"}).tolist() != absent.tolist()


def test_no_listings_have_no_inputs():
    assert encode_frame(tables(), tiny.accepted().head(0)).shape == (0, len(FEATURE_NAMES))


def test_the_constrained_inputs_are_those_that_should_be():
    signs = dict(zip(FEATURE_NAMES, MONOTONE, strict=True))
    assert (signs["age"], signs["odometer"], signs["effect_condition"]) == (-1, -1, 1)
    assert {signs[n] for n in FEATURE_NAMES if n.startswith("curve_")} == {1}
    assert {signs[n] for n in FEATURE_NAMES if n.startswith(("offset_", "words_"))} == {0}


def test_a_model_that_was_replaced_leaves_at_once_without_the_garbage_collector():
    gc.disable()
    try:
        encoder = Encoder(tables())
        encoder.encode(REQUIRED)
        seen = weakref.ref(encoder)
        del encoder
        assert seen() is None
    finally:
        gc.enable()
