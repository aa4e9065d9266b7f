"""Fit one model family on training cars: tables, trees, calibrated interval."""

import logging

import numpy as np
import pandas as pd

from vehicle_price.estimate import COVERAGE
from vehicle_price.features.deduplication import NO_VIN, car_hashes
from vehicle_price.model import trees
from vehicle_price.model.scorer import Scorer
from vehicle_price.model.valuation import FittedValuation
from vehicle_price.training.calibration import fit_calibrated_interval
from vehicle_price.training.families import FAMILIES, Parameters
from vehicle_price.training.target_encoding import encode_out_of_fold, fit_tables

log = logging.getLogger(__name__)

FOLDS = 10
SUGGESTIONS = 40


def fit(
    train: pd.DataFrame, family: str, seed: int, threads: int, parameters: Parameters | None = None
) -> FittedValuation:
    """Fit one family on cars (one row a car, as `split_by_time` returns them).

    parameters: overrides of the family's defaults. Same rows, seed and threads: same model.
    """
    base_year = int(train["posting_day"].max()[:4])
    log_price = np.log(train["price"].to_numpy(float))
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(train))
    log.info("%s: encoding %d cars in %d folds", family, len(train), FOLDS)
    inputs = encode_out_of_fold(train, fold, base_year)
    all_parameters = FAMILIES[family].parameters | (parameters or {})
    price_booster = FAMILIES[family].fit(inputs, log_price, seed, threads, all_parameters)
    interval_booster, margin = fit_calibrated_interval(inputs, log_price, fold, seed, threads)
    ensemble = trees.from_boosters(price_booster, interval_booster)
    return FittedValuation(
        tables=fit_tables(train, base_year),
        scorer=Scorer(ensemble),
        trees=ensemble,
        price_booster=price_booster,
        interval_booster=interval_booster,
        interval_margin=margin,
        facts=_facts(train, family, seed, all_parameters),
        seen_cars=np.setdiff1d(car_hashes(train), [NO_VIN]),
    )


def _facts(train: pd.DataFrame, family: str, seed: int, parameters: Parameters) -> dict:
    return {
        "family": family,
        "seed": seed,
        "parameters": parameters,
        "coverage": COVERAGE,
        "trained_cars": len(train),
        "first_day": train["posting_day"].min(),
        "last_day": train["posting_day"].max(),
        "medians": {c: float(train[c].median()) for c in ("year", "odometer", "price")},
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
