"""A tiny real model: 6,000 made-up listings through the contract, the split and short fits.

All results are cached and shared by all tests, so a test must not change them.
"""

from functools import cache

import numpy as np
import pandas as pd

from vehicle_price.contract.check import check
from vehicle_price.features.definitions import FEATURE_NAMES, Tables
from vehicle_price.features.encoder import encode_row
from vehicle_price.model.valuation import Valuation
from vehicle_price.schema import FEATURES
from vehicle_price.sources.sample.source import generate
from vehicle_price.training.fit import fit
from vehicle_price.training.split import Split, split_by_time

FEW_TREES = {
    "xgboost": {"rounds": 120, "max_depth": 6, "learning_rate": 0.1},
    "random_forest": {"n_estimators": 20},
}


@cache
def raw() -> pd.DataFrame:
    """Listings as Kaggle's file has them, all text."""
    return generate(6_000, 20)


@cache
def accepted() -> pd.DataFrame:
    """The listings that the contract accepts."""
    return check(raw()).accepted.to_pandas()


@cache
def halves() -> Split:
    """The split: about 2,200 earlier and 600 later cars."""
    return split_by_time(accepted())


@cache
def valuation(family: str) -> Valuation:
    """The model of a family, fitted on the earlier cars."""
    return fitted(halves().train, family)


def fitted(train: pd.DataFrame, family: str = "xgboost", seed: int = 20) -> Valuation:
    """A model after a short fit, about a second."""
    return fit(train, family, seed, 1, FEW_TREES[family])


def tables() -> Tables:
    """The tables of the tiny XGBoost model."""
    return valuation("xgboost").tables


def inputs_of(listing: dict[str, object]) -> np.ndarray:
    """The model inputs of one listing as float32, as the booster gets them."""
    return np.array(encode_row(tables(), listing), np.float32)


def input_of(listing: dict[str, object], name: str) -> float:
    """One model input by its name."""
    return float(inputs_of(listing)[FEATURE_NAMES.index(name)])


def as_sent(listings: pd.DataFrame) -> list[dict[str, object]]:
    """Accepted listings as a client sends them: plain values of the feature columns only."""
    names = [column.name for column in FEATURES]
    return listings[names].to_dict("records")
