"""The families: what they minimise, what they may not do."""

import numpy as np
import pytest
import xgboost as xgb

from unit_tests.helpers import tiny
from vehicle_price.features.definitions import FEATURE_NAMES, MONOTONE
from vehicle_price.features.frame import encode_frame
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.training.families import FAMILIES, ROBUST_WIDTH, robust_loss

CONSTRAINED = [
    (family, name, sign)
    for family in FAMILY_NAMES
    for name, sign in zip(FEATURE_NAMES, MONOTONE, strict=True)
    if sign
]
EACH_FAMILY = pytest.mark.parametrize("family", FAMILY_NAMES)


def pseudo_huber(residual: np.ndarray) -> np.ndarray:
    """The loss whose gradient `robust_loss` gives, w²(√(1 + (r/w)²) - 1)."""
    return ROBUST_WIDTH**2 * (np.sqrt(1 + (residual / ROBUST_WIDTH) ** 2) - 1)


def gradient_and_curvature(residual: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of predictions that are off by `residual`."""
    label = np.full(len(residual), 9.5)
    matrix = xgb.DMatrix(np.zeros((len(residual), 1)), label, weight=weight)
    return robust_loss(label + residual, matrix)


def inputs() -> np.ndarray:
    """The inputs of the later cars."""
    return encode_frame(tiny.valuation("xgboost").tables, tiny.halves().test)


def test_every_family_of_the_schema_can_be_fitted():
    assert tuple(FAMILIES) == FAMILY_NAMES


def test_the_gradient_is_that_of_the_pseudo_huber_loss():
    residual, step = np.linspace(-3, 3, 61), 1e-5
    slope = (pseudo_huber(residual + step) - pseudo_huber(residual - step)) / (2 * step)
    gradient, _ = gradient_and_curvature(residual, np.ones(61))
    assert gradient == pytest.approx(slope, abs=1e-6)
    doubled, _ = gradient_and_curvature(residual, np.full(61, 2.0))
    assert doubled == pytest.approx(2 * slope, abs=1e-6)


def test_the_curvature_bounds_the_loss_from_above_so_no_step_overshoots():
    residual = np.linspace(-3, 3, 25)
    gradient, curvature = gradient_and_curvature(residual, np.ones(25))
    for step in np.linspace(-6, 6, 121):
        bound = pseudo_huber(residual) + gradient * step + curvature * step**2 / 2
        assert (pseudo_huber(residual + step) <= bound + 1e-6).all()


@pytest.mark.parametrize(("family", "name", "sign"), CONSTRAINED)
def test_a_fitted_family_is_monotone_in_each_constrained_input(family, name, sign):
    column = FEATURE_NAMES.index(name)
    rows = inputs()[:200]
    grid = np.quantile(rows[:, column], np.linspace(0, 1, 15)).astype(np.float32)
    grid_inputs = np.repeat(rows, len(grid), axis=0)
    grid_inputs[:, column] = np.tile(grid, len(rows))
    booster = tiny.valuation(family).price_booster
    steps = np.diff(booster.inplace_predict(grid_inputs).reshape(len(rows), len(grid)), axis=1)
    assert (steps * sign >= 0).all()


@EACH_FAMILY
def test_a_seed_makes_a_model_and_another_seed_another(family):
    rows, log_price = inputs(), np.log(tiny.halves().test["price"].to_numpy(float))
    parameters = FAMILIES[family].parameters | tiny.FEW_TREES[family]
    first, repeated, other_seed = (
        bytes(FAMILIES[family].fit(rows, log_price, seed, 1, parameters).save_raw("ubj"))
        for seed in (1, 1, 2)
    )
    assert first == repeated != other_seed


@EACH_FAMILY
def test_the_constrained_inputs_do_move_the_price(family):
    gain = tiny.valuation(family).price_booster.get_score(importance_type="total_gain")
    assert gain["odometer"] > 0 and gain["effect_condition"] > 0
    assert sum(v for k, v in gain.items() if k.startswith("curve_")) / sum(gain.values()) > 0.2
