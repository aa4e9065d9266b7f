"""Expected behaviour of prices: newer, fewer miles, better condition are not cheaper."""

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.evaluation.metrics import coverage
from vehicle_price.features.definitions import MONOTONE_AGE
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.schema import BY_NAME

EACH_FAMILY = pytest.mark.parametrize("family", FAMILY_NAMES)
CARS = 400
CONDITIONS = BY_NAME["condition"].levels


def listings() -> pd.DataFrame:
    """Later cars, which no model was fitted on."""
    return tiny.halves().test.head(CARS)


def steps(family: str, column: str, values: list[object]) -> np.ndarray:
    """(cars, values - 1): the change in price from each value of a column to the next."""
    prices = [
        tiny.valuation(family).price_frame(listings().assign(**{column: value}))["price"]
        for value in values
    ]
    return np.diff(np.column_stack(prices), axis=1)


def one_by_one(family: str, column: str, values: list[object]) -> np.ndarray:
    """As `steps`, for a few cars, each priced with `price_one`."""
    cars = tiny.as_sent(listings().iloc[::20])
    price_one = tiny.valuation(family).price_one
    return np.diff([[price_one(car | {column: v}).price for v in values] for car in cars], axis=1)


YEARS = list(range(2021 - MONOTONE_AGE, 2023))


@EACH_FAMILY
def test_a_newer_car_is_never_cheaper(family):
    for changes in (steps(family, "year", YEARS), one_by_one(family, "year", YEARS)):
        assert (changes >= 0).all() and (changes > 0).mean() > 0.3


@EACH_FAMILY
def test_fewer_miles_are_never_cheaper(family):
    miles = [500_000, 200_000, 150_000, 100_000, 80_000, 60_000, 40_000, 20_000, 5_000, 0]
    for changes in (steps(family, "odometer", miles), one_by_one(family, "odometer", miles)):
        assert (changes >= 0).all() and (changes > 0).mean() > 0.2


@EACH_FAMILY
def test_a_better_condition_is_never_cheaper(family):
    conditions = list(CONDITIONS)
    for changes in (
        steps(family, "condition", conditions),
        one_by_one(family, "condition", conditions),
    ):
        assert (changes >= 0).all() and (changes.sum(axis=1) > 0).mean() > 0.3


def test_a_condition_that_was_never_seen_keeps_the_order():
    train = tiny.halves().train
    valuation = tiny.fitted(train[~train["condition"].isin(["good", "like new"])])
    prices = [valuation.price_frame(listings().assign(condition=c))["price"] for c in CONDITIONS]
    changes = np.diff(np.column_stack(prices), axis=1)
    assert (changes >= 0).all() and (changes > 0).any()


@EACH_FAMILY
def test_the_price_lies_in_its_interval_and_the_interval_holds_nine_of_ten(family):
    prices = tiny.valuation(family).price_frame(tiny.halves().test)
    assert (prices["low"] <= prices["price"]).all() and (prices["price"] <= prices["high"]).all()
    assert 0.85 <= coverage(tiny.halves().test["price"].to_numpy(), prices) <= 0.95
    assert (prices["high"] < 6 * prices["low"]).mean() > 0.9


@EACH_FAMILY
def test_the_seller_s_region_and_state_move_a_price_by_little(family):
    moved = steps(family, "state", ["ca", "ny"])[:, 0]
    prices = tiny.valuation(family).price_frame(listings())["price"].to_numpy()
    assert np.median(np.abs(moved) / prices) < 0.1


@EACH_FAMILY
def test_a_dearer_trim_and_a_salvage_title_are_noticed(family):
    base = {"manufacturer": "ford", "year": 2016, "odometer": 70_000, "type": "pickup"}
    price_one = tiny.valuation(family).price_one
    base["model"] = "f-150"
    assert price_one(base | {"manufacturer": "ford", "model": "fiesta", "type": "sedan"}).price < (
        price_one(base).price
    )
    salvage = price_one(base | {"title_status": "salvage"}).price
    assert salvage < price_one(base | {"title_status": "clean"}).price
