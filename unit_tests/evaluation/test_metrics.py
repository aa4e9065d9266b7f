"""Metrics over all cars and by slice."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from unit_tests.helpers import tiny
from vehicle_price.evaluation.metrics import PRICE_BANDS, coverage, metrics, price_band, slices
from vehicle_price.schema import TARGET

DOLLARS = st.tuples(st.integers(500, 150_000), st.integers(0, 2_000_000))


@given(st.lists(DOLLARS, min_size=2, max_size=50))
def test_metrics_are_those_of_scikit_learn(pairs):
    actual, predicted = np.array(pairs, float).T
    measured = metrics(actual, predicted)
    assert measured["mae"] == pytest.approx(oracle.mean_absolute_error(actual, predicted))
    assert measured["rmse"] == pytest.approx(oracle.root_mean_squared_error(actual, predicted))
    assert measured["mape"] == pytest.approx(
        oracle.mean_absolute_percentage_error(actual, predicted)
    )
    assert measured["median_ape"] == pytest.approx(
        oracle.median_absolute_error(np.ones(len(pairs)), predicted / actual)
    )
    if len(set(actual)) > 1:
        assert measured["r2"] == pytest.approx(oracle.r2_score(actual, predicted))
    else:
        assert math.isnan(measured["r2"])


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_one_prediction_that_is_no_number_spoils_the_errors(wrong):
    measured = metrics(np.array([1_000.0, 2_000.0]), np.array([1_000.0, wrong]))
    assert not any(math.isfinite(measured[name]) for name in ("mae", "rmse", "r2", "mape"))


def test_coverage_counts_the_ends_of_the_interval_in():
    prices = pd.DataFrame({"low": [10, 10, 10, 10], "high": [20, 20, 20, 20]})
    assert coverage(np.array([10, 20, 9, 21]), prices) == 0.5


def test_the_cars_of_each_slice_add_up_to_all():
    cars = tiny.halves().test
    table = slices(cars, tiny.valuation("xgboost").price_frame(cars))
    assert table.groupby("slice")["cars"].sum().to_dict() == dict.fromkeys(
        ("price band", "type", "state"), len(cars)
    )
    for name in ("price band", "type", "state"):
        rows = table[table["slice"] == name]
        assert rows["value"].is_unique and rows["cars"].is_monotonic_decreasing
        overall = metrics(cars["price"], tiny.valuation("xgboost").price_frame(cars)["price"])
        assert np.average(rows["mae"], weights=rows["cars"]) == pytest.approx(overall["mae"])


def test_a_slice_has_the_metrics_of_its_own_cars():
    cars = tiny.halves().test
    prices = tiny.valuation("xgboost").price_frame(cars)
    table = slices(cars, prices).set_index(["slice", "value"])
    pickups = (cars["type"] == "pickup").to_numpy()
    row = table.loc[("type", "pickup")]
    assert row["cars"] == pickups.sum() > 20
    expected = metrics(cars["price"][pickups], prices["price"][pickups])
    assert {name: row[name] for name in expected} == expected
    absent = table.loc[("type", "not given")]
    assert absent["cars"] == cars["type"].isna().sum() > 0


@pytest.mark.parametrize(
    ("price", "band"),
    [
        (500, "500-2,000"),
        (2_000, "500-2,000"),
        (2_001, "2,000-5,000"),
        (20_000, "10,000-20,000"),
        (150_000, "40,000-150,000"),
    ],
)
def test_a_price_lies_in_the_band_named_after_it(price, band):
    assert price_band(pd.Series([price])).tolist() == [band]


def test_the_bands_hold_every_price_that_is_accepted():
    assert (PRICE_BANDS[0], PRICE_BANDS[-1]) == (TARGET.minimum, TARGET.maximum)
