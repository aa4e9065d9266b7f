"""A jump of prices in the last days raises the model's level; nothing else does."""

import numpy as np
import pytest
import xgboost as xgb

from vehicle_price.names import MAX_PRICE_SHIFT
from vehicle_price.training.market_level import MIN_CARS, level, raised, recent_days

DAYS = np.repeat([f"2021-04-{day:02}" for day in range(4, 24)], 100)


def residuals(seed, jump=0.0):
    """Residuals with the noise of real listings: 0.3 a car, 0.011 a day."""
    random = np.random.default_rng(seed)
    by_day = np.repeat(random.normal(0, 0.011, 20), 100)
    return random.normal(0, 0.3, len(DAYS)) + by_day + jump * recent_days(DAYS)


def test_the_recent_days_are_the_last_two_with_cars():
    assert set(DAYS[recent_days(DAYS)]) == {"2021-04-22", "2021-04-23"}


def test_quiet_days_change_nothing():
    assert [level(residuals(seed), recent_days(DAYS)) for seed in range(200)].count(0.0) >= 199


@pytest.mark.parametrize("jump", [0.22, -0.25])
def test_a_jump_is_measured(jump):
    measured = [level(residuals(seed, jump), recent_days(DAYS)) for seed in range(50)]
    assert np.median(measured) == pytest.approx(jump * 0.9, abs=0.03)  # a tenth is in the median
    assert all(abs(m - jump * 0.9) < 0.1 for m in measured)


def test_too_few_recent_cars_and_only_recent_cars_say_nothing():
    residual = residuals(1, 0.5)
    few = np.zeros(len(DAYS), bool)
    few[-MIN_CARS + 1 :] = True
    assert level(residual, few) == 0.0
    assert level(residual, np.ones(len(DAYS), bool)) == 0.0


def test_a_wrong_unit_is_no_market():
    assert level(residuals(1, 4.6), recent_days(DAYS)) == MAX_PRICE_SHIFT  # prices in cents


def test_every_output_of_a_raised_booster_is_higher_also_when_saved():
    inputs = np.random.default_rng(0).random((300, 3)).astype(np.float32)
    options = {"objective": "reg:quantileerror", "quantile_alpha": [0.05, 0.95]}
    booster = xgb.train(options, xgb.DMatrix(inputs, inputs[:, 0] + 9), 5)
    higher = xgb.Booster()
    higher.load_model(raised(booster, 0.25).save_raw("ubj"))
    expected = booster.inplace_predict(inputs) + 0.25
    np.testing.assert_allclose(higher.inplace_predict(inputs), expected, atol=1e-5)
    assert raised(booster, 0.0) is booster
