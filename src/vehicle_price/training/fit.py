"""Split, fit, calibrate."""

import logging
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb

from vehicle_price.features.deduplication import NO_VIN, car_hashes, first_postings
from vehicle_price.model import trees
from vehicle_price.model.scorer import Scorer
from vehicle_price.model.valuation import FittedValuation
from vehicle_price.training.families import FAMILIES, Parameters, fit_interval
from vehicle_price.training.target_encoding import encode_out_of_fold, fit_tables

log = logging.getLogger(__name__)

TEST_SHARE = 0.2
FOLDS = 10
CALIBRATION_FOLDS = 2
COVERAGE = 0.9
MIN_CARS = 500
MIN_SIDE = 100  # cars to learn from, and to be judged by
SUGGESTIONS = 40


class TrainingError(ValueError):
    """The listings cannot be trained on; the message says what is short and what to do."""


@dataclass(frozen=True)
class Split:
    """Cars to learn from and cars to be judged by: posted later, never posted before.

    Both hold the first posting of each car. first_test_day: 'YYYY-MM-DD'.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    first_test_day: str


def split(listings: pd.DataFrame) -> Split:
    """Split accepted listings by car and by time; at least TEST_SHARE of the cars are test.

    Raises TrainingError when there are too few cars or days.
    """
    cars = first_postings(listings)
    by_day = cars["posting_day"].value_counts().sort_index()
    if len(cars) < MIN_CARS or len(by_day) < 2:
        raise TrainingError(
            f"{len(cars)} different cars posted on {len(by_day)} days; at least {MIN_CARS} cars "
            "on 2 days are needed to train on earlier cars and test on later ones. Give more data"
        )
    later = by_day[::-1].cumsum()
    # The last day that leaves enough later cars; never the first day, which must train.
    first = str(next((d for d in later.index if later[d] >= TEST_SHARE * len(cars)), ""))
    first = max(first, str(by_day.index[1]))
    test = cars["posting_day"] >= first
    if min(test.sum(), (~test).sum()) < MIN_SIDE:
        raise TrainingError(
            f"{(~test).sum()} cars posted before {first} and {test.sum()} from then on; at least "
            f"{MIN_SIDE} of each are needed. Give listings that spread over more days"
        )
    return Split(cars[~test].reset_index(drop=True), cars[test].reset_index(drop=True), first)


def fit(
    train: pd.DataFrame, family: str, seed: int, threads: int, parameters: Parameters | None = None
) -> FittedValuation:
    """Fit one family on cars (one row a car, as `split` gives them).

    parameters: overrides of the family's defaults. Same rows, seed and threads: same model.
    """
    base_year = int(train["posting_day"].max()[:4])
    log_price = np.log(train["price"].to_numpy(float))
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(train))
    log.info("%s: encoding %d cars in %d folds", family, len(train), FOLDS)
    inputs = encode_out_of_fold(train, fold, base_year)
    chosen = FAMILIES[family].parameters | (parameters or {})
    price_booster = FAMILIES[family].fit(inputs, log_price, seed, threads, chosen)
    interval_booster, margin = _interval(inputs, log_price, fold, seed, threads)
    found = trees.from_boosters(price_booster, interval_booster)
    return FittedValuation(
        tables=fit_tables(train, base_year),
        scorer=Scorer(found),
        trees=found,
        price_booster=price_booster,
        interval_booster=interval_booster,
        interval_margin=margin,
        facts=_facts(train, family, seed, chosen),
        seen_cars=np.setdiff1d(car_hashes(train), [NO_VIN]),
    )


def conformal_margin(interval: np.ndarray, actual: np.ndarray, coverage: float) -> float:
    """How far to widen (negative: narrow) an interval so that it covers `coverage` of new rows.

    interval: (rows, 2), actual: (rows,), of rows the interval was not fitted on.
    Conformalised quantile regression, Romano, Patterson, Candès 2019.
    """
    miss = np.maximum(interval[:, 0] - actual, actual - interval[:, 1])
    rank = math.ceil((len(miss) + 1) * coverage)
    return float(np.sort(miss)[min(rank, len(miss)) - 1])


def _interval(
    inputs: np.ndarray, log_price: np.ndarray, fold: np.ndarray, seed: int, threads: int
) -> tuple[xgb.Booster, float]:
    """Quantiles fitted on most folds and made to cover on the others, whose prices they never saw.

    Not quite held out: those prices are in the tables that encoded the other folds. What the
    interval covers is therefore measured again, on the later test cars.
    """
    held_out = fold < CALIBRATION_FOLDS
    booster = fit_interval(inputs[~held_out], log_price[~held_out], COVERAGE, seed, threads)
    quantiles = np.sort(booster.inplace_predict(inputs[held_out]).reshape(-1, 2), axis=1)
    return booster, conformal_margin(quantiles, log_price[held_out], COVERAGE)


def _facts(train: pd.DataFrame, family: str, seed: int, parameters: Parameters) -> dict:
    return {
        "family": family,
        "seed": seed,
        "parameters": parameters,
        "coverage": COVERAGE,
        "trained_cars": len(train),
        "first_day": train["posting_day"].min(),
        "last_day": train["posting_day"].max(),
        "ranges": {c: [int(train[c].min()), int(train[c].max())] for c in ("year", "odometer")},
        "suggestions": _suggestions(train),
    }


def _suggestions(train: pd.DataFrame) -> dict[str, list[str]]:
    """The most common model texts of each make, for forms."""
    models = train.assign(model=train["model"].str.lower()).groupby("manufacturer")["model"]
    return {
        make: texts.value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
        .head(SUGGESTIONS)
        .index.tolist()
        for make, texts in models
    }
