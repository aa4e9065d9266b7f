"""Faults of a feed: what each does to the raw text of its listings."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.contract.suspicions import KM_PER_MILE

SEED = 7


class Fault(NamedTuple):
    """apply: raw rows → raw rows with the fault. named: what the message must say."""

    name: str
    apply: Callable[[pd.DataFrame], pd.DataFrame]
    named: str


def _times(
    column: str, factor: float, share: float = 1.0
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A column's whole numbers times a factor, rounded, in a share of the rows."""

    def apply(raw: pd.DataFrame) -> pd.DataFrame:
        numbers = pd.to_numeric(raw[column], errors="coerce")
        chosen = np.random.default_rng(SEED).random(len(raw)) < share
        changed = (numbers * factor).round().astype("Int64").astype("string")
        return raw.assign(**{column: raw[column].where(numbers.isna() | ~chosen, changed)})

    return apply


def _renamed(column: str, level: str, new: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda raw: raw.assign(**{column: raw[column].replace(level, new)})


def _short_years(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(year=raw["year"].str[2:4])


def _blank(column: str, share: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def apply(raw: pd.DataFrame) -> pd.DataFrame:
        chosen = np.random.default_rng(SEED).random(len(raw)) < share
        return raw.assign(**{column: raw[column].mask(chosen)})

    return apply


FAULTS = (
    Fault("odometer in kilometres", _times("odometer", KM_PER_MILE), "kilometres for miles?"),
    Fault("price in cents", _times("price", 100), "cents for dollars?"),
    Fault("price in thousands", _times("price", 0.001), "thousands of dollars for dollars?"),
    Fault("odometer in thousands", _times("odometer", 0.001), "thousands of miles for miles?"),
    Fault("make ford (18 %) as `frod`", _renamed("manufacturer", "ford", "frod"), "'frod'"),
    Fault("make bmw (4 %) as `b.m.w.`", _renamed("manufacturer", "bmw", "b.m.w."), "'b.m.w.'"),
    Fault("make audi (2 %) as `audi ag`", _renamed("manufacturer", "audi", "audi ag"), "'audi ag'"),
    Fault("fuel gas (84 %) as `petrol`", _renamed("fuel", "gas", "petrol"), "'petrol'"),
    Fault("fuel hybrid (1 %) as `hev`", _renamed("fuel", "hybrid", "hev"), "'hev'"),
    Fault("year in two digits", _short_years, "year"),
    Fault("half of the rows in kilometres", _times("odometer", KM_PER_MILE, 0.5), "odometer"),
    Fault("half of the conditions blank", _blank("condition", 0.5), "condition"),
    Fault("prices 25 % higher", _times("price", 1.25), "price"),
)
