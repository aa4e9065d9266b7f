"""A frame of listings gets the same inputs and prices as its listings one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unit_tests.helpers import tiny
from vehicle_price.contract.check import check
from vehicle_price.features.definitions import FEATURE_NAMES
from vehicle_price.features.frame import encode_frame
from vehicle_price.listing.validation import check_many
from vehicle_price.schema import EXAMPLE, FEATURES, MANUFACTURERS
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES

REQUIRED = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}


WORDS = ("civic", "accord ex-l", "F-150", "xlt", "lariat", "1500", "Crew-Cab", "honda", "2.5", "🚗")


MODELS = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=6).map(" ".join)


LISTINGS = st.fixed_dictionaries(
    {
        "year": st.integers(1970, 2101),
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
    together = encode_frame(tiny.tables(), frame)
    alone = np.array([tiny.inputs_of(listing) for listing in listings])
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
    listings = check_many(sent, 2021)
    assert len(listings) > 500
    together = encode_frame(tiny.tables(), accepted)
    assert (
        together.tobytes() == np.array([tiny.inputs_of(listing) for listing in listings]).tobytes()
    )
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
    assert encode_frame(tiny.tables(), accepted)[0].tolist() == tiny.inputs_of(listing).tolist()
    assert tiny.input_of(listing, "age") == int(posted[:4]) - 2014


def test_no_listings_have_no_inputs():
    assert encode_frame(tiny.tables(), tiny.accepted().head(0)).shape == (0, len(FEATURE_NAMES))
