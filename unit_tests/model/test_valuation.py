"""The one object that turns raw listings into prices."""

from dataclasses import replace

import numpy as np
import pytest

from unit_tests.helpers import tiny
from vehicle_price.estimate import Estimate, is_plausible
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.schema import EXAMPLE as SHOWN
from vehicle_price.schema import REQUIRED

EXAMPLE = SHOWN | {"region": "modesto"}
EACH_FAMILY = pytest.mark.parametrize("family", FAMILY_NAMES)


class Broken:
    """A scorer that lost its numbers."""

    def score(self, inputs):
        """Not a number for each row and output."""
        return np.full((len(inputs), 3), np.nan, np.float32)


@EACH_FAMILY
def test_one_many_and_a_frame_have_equal_prices(family):
    valuation, cars = tiny.valuation(family), tiny.halves().test
    listings = tiny.as_sent(cars)
    frame = valuation.price_frame(cars)
    many = valuation.price_many(listings)
    assert [e[:3] for e in many] == [tuple(r) for r in frame.to_numpy().tolist()]
    assert [valuation.price_one(listing) for listing in listings[:200]] == many[:200]


@EACH_FAMILY
def test_prices_are_whole_dollars_inside_their_interval(family):
    for estimate in tiny.valuation(family).price_many(tiny.as_sent(tiny.halves().test)):
        assert {type(v) for v in estimate[:3]} == {int}
        assert 0 < estimate.low <= estimate.price <= estimate.high


def test_the_order_and_the_index_are_those_that_were_given():
    cars = tiny.halves().test.iloc[[40, 7, 99]]
    prices = tiny.valuation("xgboost").price_frame(cars)
    assert prices.index.tolist() == [40, 7, 99] and list(prices) == ["price", "low", "high"]
    alone = [tiny.valuation("xgboost").price_one(listing).price for listing in tiny.as_sent(cars)]
    assert prices["price"].tolist() == alone and len(set(alone)) == 3


def test_no_listings_have_no_prices():
    assert tiny.valuation("xgboost").price_many([]) == []
    assert tiny.valuation("xgboost").price_frame(tiny.accepted().head(0)).empty


def test_pricing_changes_nothing_in_what_was_given():
    listing, cars = dict(EXAMPLE), tiny.halves().test.head(20).copy()
    tiny.valuation("xgboost").price_one(listing)
    tiny.valuation("xgboost").price_frame(cars)
    assert listing == EXAMPLE and cars.equals(tiny.halves().test.head(20))


def test_a_common_listing_is_priced_without_a_warning():
    assert not tiny.valuation("xgboost").price_one(EXAMPLE).warnings


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"manufacturer": "zyxwv"}, "manufacturer: 'zyxwv' was not in"),
        ({"model": None}, "model: not given"),
        ({"model": "zyxwv 3000"}, "model: 'zyxwv 3000' was not in"),
        ({"fuel": "steam"}, "fuel: 'steam' was not in"),
        ({"region": "atlantis"}, "region: 'atlantis' was not in"),
        ({"odometer": 500_000}, "odometer: 500000 is outside"),
        ({"year": 2030}, "year: 2030 is outside"),
    ],
)
def test_what_training_never_saw_is_priced_with_a_warning(change, warning):
    estimate = tiny.valuation("xgboost").price_one(EXAMPLE | change)
    assert [w for w in estimate.warnings if w.startswith(warning)] and len(estimate.warnings) == 1
    assert is_plausible(estimate)


def test_a_condition_that_training_never_saw_is_said_to_be_guessed():
    train = tiny.halves().train
    valuation = tiny.fitted(train[train["condition"] != "excellent"])
    warnings = valuation.price_one(EXAMPLE | {"condition": "excellent"}).warnings
    assert len(warnings) == 1 and warnings[0].startswith("condition: 'excellent' was not in")
    assert not valuation.price_one(EXAMPLE | {"condition": "good"}).warnings


def test_the_required_columns_are_enough():
    listing = {c.name: c.example for c in REQUIRED}
    assert is_plausible(tiny.valuation("xgboost").price_one(listing))


def test_the_margin_widens_the_interval_and_never_past_the_price():
    valuation = tiny.valuation("xgboost")
    wider = replace(valuation, interval_margin=valuation.interval_margin + 0.5)
    narrower = replace(valuation, interval_margin=-5.0)
    calibrated, wide, narrow = (v.price_one(EXAMPLE) for v in (valuation, wider, narrower))
    assert wide.low == pytest.approx(calibrated.low * np.exp(-0.5), rel=1e-3)
    assert wide.high == pytest.approx(calibrated.high * np.exp(0.5), rel=1e-3)
    assert narrow.low == narrow.price == narrow.high == calibrated.price


def test_crossed_quantiles_are_put_in_order():
    valuation = tiny.valuation("xgboost")

    class Crossed:
        """Upper quantile first."""

        def score(self, inputs):
            """A price between its quantiles."""
            return np.tile(np.float32([9, 11, 8]), (len(inputs), 1))

    estimate = replace(valuation, scorer=Crossed(), interval_margin=0).price_one(EXAMPLE)
    assert (estimate.low, estimate.high) == (round(np.exp(8)), round(np.exp(11)))


@pytest.mark.filterwarnings("error")
def test_a_model_that_answers_no_number_raises_no_plausible_price():
    broken = replace(tiny.valuation("xgboost"), scorer=Broken())
    assert broken.price_frame(tiny.halves().test.head(3))["price"].isna().all()
    with pytest.raises(ValueError, match="not a number"):
        broken.price_one(EXAMPLE)


@pytest.mark.parametrize("wrong", [0, 49, -(2**63), 2_000_001])
def test_what_cannot_be_a_price_is_not_plausible(wrong):
    assert is_plausible(Estimate(50, 50, 2_000_000, ()))
    for index in range(3):
        estimate = [9_000, 9_000, 9_000, ()]
        estimate[index] = wrong
        assert not is_plausible(Estimate(*estimate))
