"""Fit one model family on training cars: tables, trees, calibrated interval."""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd
import xgboost as xgb

from vehicle_price.estimate import COVERAGE
from vehicle_price.features.deduplication import NO_VIN, car_hashes
from vehicle_price.model import trees
from vehicle_price.model.scorer import Scorer
from vehicle_price.model.valuation import FittedValuation
from vehicle_price.training import market_level
from vehicle_price.training.calibration import TrainingRows, fit_calibrated_interval
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
    all_parameters = FAMILIES[family].parameters | (parameters or {})
    base_year = int(train["posting_day"].max()[:4])
    rows = _training_rows(train, base_year, seed)

    def fit_price(some: TrainingRows) -> xgb.Booster:
        return FAMILIES[family].fit(some.inputs, some.log_price, seed, threads, all_parameters)

    interval = fit_calibrated_interval(rows, seed, threads)
    price_level = _price_level(fit_price, rows) if interval.level else 0.0
    price_booster = market_level.raised(fit_price(rows), price_level)
    ensemble = trees.from_boosters(price_booster, interval.booster)
    return FittedValuation(
        tables=fit_tables(train, base_year),
        scorer=Scorer(ensemble),
        trees=ensemble,
        price_booster=price_booster,
        interval_booster=interval.booster,
        interval_margin=interval.margin,
        facts=_facts(train, family, seed, all_parameters) | {"price_level": price_level},
        seen_cars=np.setdiff1d(car_hashes(train), [NO_VIN]),
    )


def _training_rows(train: pd.DataFrame, base_year: int, seed: int) -> TrainingRows:
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(train))
    log.info("encoding %d cars in %d folds", len(train), FOLDS)
    return TrainingRows(
        inputs=encode_out_of_fold(train, fold, base_year),
        log_price=np.log(train["price"].to_numpy(float)),
        fold=fold,
        recent=market_level.recent_days(train["posting_day"].to_numpy(str)),
    )


def _price_level(fit_price: Callable[[TrainingRows], xgb.Booster], rows: TrainingRows) -> float:
    """The level of the last days by a model like the one that serves, fitted without some cars."""
    log.info("prices of the last days are at another level: measuring it")
    booster, held_out = fit_price(rows.where(~rows.held_out)), rows.where(rows.held_out)
    residual = held_out.log_price - booster.inplace_predict(held_out.inputs)
    return market_level.level(residual, held_out.recent)


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
