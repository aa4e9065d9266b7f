"""A jump of prices in the last days, which a model of all days follows too slowly.

Two days after a rise of 25 %, the prices of a model that is fitted on all days are still 0.17
(logarithm) too low on the next day (`python -m benchmarks.price_shock`). So
the model's own residuals on cars of the last days, which it was not fitted on, raise all its prices
by one number. On quiet days it is 0.
"""

import json

import numpy as np
import xgboost as xgb

from vehicle_price.names import MAX_PRICE_SHIFT

RECENT_DAYS = 2
MIN_CARS = 50  # of the recent days, that the model was not fitted on
# Smaller levels are left alone: the median residual of a day differs from that of other days by
# DAY_NOISE (standard deviation) when nothing has happened.
MIN_LEVEL, DAY_NOISE, CERTAINTY = 0.05, 0.015, 3.5


def recent_days(posting_day: np.ndarray) -> np.ndarray:
    """bool (rows,): whether a car was posted on one of the last RECENT_DAYS days with cars.

    posting_day: (rows,), 'YYYY-MM-DD'.
    """
    return posting_day >= np.unique(posting_day)[-RECENT_DAYS:][0]


def level(residual: np.ndarray, recent: np.ndarray) -> float:
    """How much higher log prices of recent cars are than the model's; 0.0 where that is not sure.

    residual: float64 (rows,), log price minus the model's, of cars that it was not fitted on, which
    may have an offset that all cars share. recent: bool (rows,).
    """
    if recent.sum() < MIN_CARS or recent.all():
        return 0.0
    raised_by = float(np.median(residual[recent]) - np.median(residual))
    error = 1.2533 * residual[recent].std() / np.sqrt(recent.sum())  # of a median, normal residuals
    sure = max(MIN_LEVEL, CERTAINTY * float(np.hypot(error, DAY_NOISE)))
    return (
        float(np.clip(raised_by, -MAX_PRICE_SHIFT, MAX_PRICE_SHIFT))
        if abs(raised_by) > sure
        else 0.0
    )


def raised(booster: xgb.Booster, by: float) -> xgb.Booster:
    """The booster with every output higher by this number; itself for 0."""
    if not by:
        return booster
    model = json.loads(booster.save_raw("json"))
    parameters = model["learner"]["learner_model_param"]
    base_scores = [score + by for score in json.loads(parameters["base_score"])]
    parameters["base_score"] = json.dumps(base_scores)
    copy = xgb.Booster()
    copy.load_model(bytearray(json.dumps(model).encode()))
    return copy
