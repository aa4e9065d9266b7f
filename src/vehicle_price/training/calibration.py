"""The price interval: quantile regression, calibrated to its nominal coverage."""

import logging
import math

import numpy as np
import xgboost as xgb

from vehicle_price.estimate import COVERAGE
from vehicle_price.training.families import training_matrix, tree_options

log = logging.getLogger(__name__)

CALIBRATION_FOLDS = 2


def fit_calibrated_interval(
    inputs: np.ndarray, log_price: np.ndarray, fold: np.ndarray, seed: int, threads: int
) -> tuple[xgb.Booster, float]:
    """Quantiles of log price fitted on most folds, and the margin that calibrates them on the rest.

    The calibration is not strictly held out: prices of its folds are in the tables that encoded the
    other folds. Therefore the coverage is measured again, on the later test cars.
    """
    held_out = fold < CALIBRATION_FOLDS
    booster = fit_interval(inputs[~held_out], log_price[~held_out], COVERAGE, seed, threads)
    quantiles = np.sort(booster.inplace_predict(inputs[held_out]).reshape(-1, 2), axis=1)
    return booster, conformal_margin(quantiles, log_price[held_out], COVERAGE)


def fit_interval(
    inputs: np.ndarray, log_price: np.ndarray, coverage: float, seed: int, threads: int
) -> xgb.Booster:
    """Boosted quantiles of log price: two outputs, the ends of the central `coverage`."""
    tail = (1 - coverage) / 2
    options = tree_options(seed, threads) | {
        "objective": "reg:quantileerror",
        "quantile_alpha": [tail, 1 - tail],
        "max_depth": 6,
        "learning_rate": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
    }
    log.info("interval: fitting the %.0f %% and %.0f %% quantiles", tail * 100, 100 - tail * 100)
    return xgb.train(options, training_matrix(inputs, log_price), 150)


def conformal_margin(interval: np.ndarray, actual: np.ndarray, coverage: float) -> float:
    """How much to widen (negative: narrow) an interval so that it covers `coverage` of new rows.

    interval: (rows, 2), actual: (rows,), of rows the interval was not fitted on.
    Conformalised quantile regression, Romano, Patterson, Candès 2019.
    """
    nonconformity = np.maximum(interval[:, 0] - actual, actual - interval[:, 1])
    rank = math.ceil((len(nonconformity) + 1) * coverage)
    return float(np.sort(nonconformity)[min(rank, len(nonconformity)) - 1])
