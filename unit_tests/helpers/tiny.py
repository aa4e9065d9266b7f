"""A tiny real model: 6,000 made-up listings through the contract, the split and short fits.

Everything is made once and shared by all tests, so nobody may change what is returned.
"""

from functools import cache

import pandas as pd

from vehicle_price.contract.check import check
from vehicle_price.model.valuation import Valuation
from vehicle_price.schema import FEATURES
from vehicle_price.sources.sample.source import generate
from vehicle_price.training.fit import Split, fit, split

FEW_TREES = {
    "xgboost": {"rounds": 120, "max_depth": 6, "learning_rate": 0.1},
    "random_forest": {"n_estimators": 20},
}


@cache
def raw() -> pd.DataFrame:
    """The listings as Kaggle ships them, all text."""
    return generate(6_000, 20)


@cache
def accepted() -> pd.DataFrame:
    """Those the contract accepts."""
    return check(raw()).accepted.to_pandas()


@cache
def halves() -> Split:
    """About 2,200 earlier and 600 later cars."""
    return split(accepted())


@cache
def valuation(family: str) -> Valuation:
    """The family fitted on the earlier cars."""
    return fitted(halves().train, family)


def fitted(train: pd.DataFrame, family: str = "xgboost", seed: int = 20) -> Valuation:
    """A short fit, about a second."""
    return fit(train, family, seed, 1, FEW_TREES[family])


def as_sent(listings: pd.DataFrame) -> list[dict[str, object]]:
    """Accepted listings as a client sends them: plain values, nothing else than the features."""
    names = [column.name for column in FEATURES]
    return listings[names].to_dict("records")
