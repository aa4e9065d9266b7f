"""The model families: each fits one XGBoost booster of log price to the model inputs.

To add a family, add one entry to FAMILIES and its name to `names.FAMILY_NAMES`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from sklearn.ensemble import RandomForestRegressor

from vehicle_price.features.definitions import FEATURE_NAMES, MONOTONE
from vehicle_price.training.forest_conversion import to_booster

log = logging.getLogger(__name__)

Parameters = dict[str, int | float]

# Residuals of log price beyond about 10 % count linearly, not squared: some listings have typing
# errors or a down payment as price, which would dominate a squared loss.
ROBUST_WIDTH = 0.1


@dataclass(frozen=True)
class Family:
    """A learning algorithm with its default parameters.

    fit: (inputs float32 (rows, features), log prices (rows,), seed, threads, parameters) →
        a booster that predicts log price.
    """

    help: str
    parameters: Parameters
    fit: Callable[[np.ndarray, np.ndarray, int, int, Parameters], xgb.Booster]


def fit_xgboost(
    inputs: np.ndarray, log_price: np.ndarray, seed: int, threads: int, parameters: Parameters
) -> xgb.Booster:
    """Boosted trees with a robust loss, monotone in age, odometer and condition."""
    options = dict(parameters)
    rounds = int(options.pop("rounds"))
    options |= tree_options(seed, threads) | {"base_score": float(np.median(log_price))}
    # A compromise between relative error (weight 1) and error in dollars (weight = price).
    weight = np.exp(log_price / 2)
    data = training_matrix(inputs, log_price, weight / weight.mean())
    return xgb.train(options, data, rounds, obj=robust_loss, callbacks=[_Progress(rounds)])


def fit_random_forest(
    inputs: np.ndarray, log_price: np.ndarray, seed: int, threads: int, parameters: Parameters
) -> xgb.Booster:
    """A scikit-learn random forest, monotone in the same inputs, converted to a booster."""
    forest = RandomForestRegressor(
        random_state=seed, n_jobs=threads, monotonic_cst=list(MONOTONE), **parameters
    )
    log.info("random forest: growing %d trees", parameters["n_estimators"])
    return to_booster(forest.fit(inputs, log_price), list(FEATURE_NAMES))


def robust_loss(prediction: np.ndarray, data: xgb.DMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and an upper bound of the curvature of the pseudo-Huber loss (Charbonnier 1994).

    The bound is the weight of iteratively reweighted least squares, gradient / residual. The second
    derivative itself goes to zero for outliers, which would make the steps explode.
    """
    residual = prediction - data.get_label()
    curvature = data.get_weight() / np.sqrt(1 + (residual / ROBUST_WIDTH) ** 2)
    return residual * curvature, curvature


FAMILIES: dict[str, Family] = {
    "xgboost": Family(
        "Gradient-boosted trees (XGBoost).",
        {
            "rounds": 1000,
            "learning_rate": 0.035,
            "max_depth": 9,
            "min_child_weight": 5,
            "subsample": 0.8,
            "colsample_bytree": 0.5,
        },
        fit_xgboost,
    ),
    "random_forest": Family(
        "Random forest (scikit-learn).",
        {"n_estimators": 60, "min_samples_leaf": 5, "max_features": 0.6, "max_samples": 0.7},
        fit_random_forest,
    ),
}


class _Progress(xgb.callback.TrainingCallback):
    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._rounds, self._step = rounds, max(1, rounds // 5)

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: dict) -> bool:
        if (epoch + 1) % self._step == 0:
            log.info("xgboost: round %d of %d", epoch + 1, self._rounds)
        return False


def tree_options(seed: int, threads: int) -> dict[str, object]:
    """The options that all boosted models share."""
    return {
        "tree_method": "hist",
        "seed": seed,
        "nthread": threads,
        "monotone_constraints": MONOTONE,
    }


def training_matrix(
    inputs: np.ndarray, log_price: np.ndarray, weight: np.ndarray | None = None
) -> xgb.DMatrix:
    """The rows in XGBoost's format, with the names of the inputs."""
    return xgb.DMatrix(inputs, log_price, weight=weight, feature_names=list(FEATURE_NAMES))
