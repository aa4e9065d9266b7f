"""The price interval: quantile regression, calibrated to its nominal coverage."""

import logging
import math
from typing import NamedTuple

import numpy as np
import xgboost as xgb

from vehicle_price.estimate import COVERAGE
from vehicle_price.training import market_level
from vehicle_price.training.families import training_matrix, tree_options

log = logging.getLogger(__name__)

CALIBRATION_FOLDS = 2


class TrainingRows(NamedTuple):
    """What a model is fitted on. inputs: float32 (rows, features). log_price: float64 (rows,).
    fold: int (rows,). recent: bool (rows,), `market_level.recent_days`."""

    inputs: np.ndarray
    log_price: np.ndarray
    fold: np.ndarray
    recent: np.ndarray

    @property
    def held_out(self) -> np.ndarray:
        """bool (rows,): the folds that calibrate what is fitted on the others."""
        return self.fold < CALIBRATION_FOLDS

    def where(self, rows: np.ndarray) -> "TrainingRows":
        """Those of the rows, bool (rows,)."""
        return TrainingRows(
            self.inputs[rows], self.log_price[rows], self.fold[rows], self.recent[rows]
        )


class CalibratedInterval(NamedTuple):
    """Quantiles of log price. margin: widens them to their nominal coverage. level: by how much
    they were raised for a jump of prices in the last days (`market_level.level`), mostly 0."""

    booster: xgb.Booster
    margin: float
    level: float


def fit_calibrated_interval(rows: TrainingRows, seed: int, threads: int) -> CalibratedInterval:
    """Quantiles of log price fitted on most folds, and the margin that calibrates them on the rest.

    After a jump of prices, cars of the recent days alone calibrate. The calibration is not strictly
    held out: prices of its folds are in the tables that encoded the other folds. Therefore the
    coverage is measured again, on the later test cars.
    """
    fitted, held_out = rows.where(~rows.held_out), rows.where(rows.held_out)
    booster = fit_interval(fitted.inputs, fitted.log_price, COVERAGE, seed, threads)
    quantiles = np.sort(booster.inplace_predict(held_out.inputs).reshape(-1, 2), axis=1)
    actual, recent = held_out.log_price, held_out.recent
    level = market_level.level(actual - quantiles.mean(axis=1), recent)
    if not level:
        return CalibratedInterval(booster, conformal_margin(quantiles, actual, COVERAGE), 0.0)
    margin = conformal_margin(quantiles[recent] + level, actual[recent], COVERAGE)
    return CalibratedInterval(market_level.raised(booster, level), margin, level)


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
