"""The segments of a market: groups of cars in which a model must not be worse than another one."""

import numpy as np
import pandas as pd

from vehicle_price.schema import FEATURES

MIN_CARS = 30  # of a segment that is looked at
AGES = (-np.inf, 3, 7, 12, 20, np.inf)  # years, upper limits included
MILES = (-np.inf, 30_000, 60_000, 100_000, 150_000, np.inf)
PRICES = (-np.inf, 5_000, 10_000, 20_000, 40_000, np.inf)  # US dollars
BLANKS = (-np.inf, 1, 3, 5, np.inf)  # optional columns that a listing leaves blank
OPTIONAL = tuple(column.name for column in FEATURES if not column.required)
NOT_STATED = "not stated"


def segments(cars: pd.DataFrame, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Name of each segment with MIN_CARS or more → bool (rows,), which cars are in it.

    cars: accepted listings, one row a car. predicted: float64 (rows,), prices in US dollars. By the
    predicted price and not by the asked one, since a car that asks little is over-estimated by any
    model.
    """
    by = {
        "make": cars["manufacturer"].fillna(NOT_STATED).astype(str),
        "type": cars["type"].fillna(NOT_STATED).astype(str),
        "state": cars["state"].fillna(NOT_STATED).astype(str),
        "age": _band(cars["posting_day"].str[:4].astype(int) - cars["year"], AGES),
        "miles": _band(cars["odometer"], MILES),
        "predicted price": price_bands(predicted),
        "blank columns": _band(cars[list(OPTIONAL)].isna().sum(axis=1), BLANKS),
    }
    found = {}
    for name, values in by.items():
        codes, levels = pd.factorize(values.to_numpy(), sort=True)
        for code, level in enumerate(levels):
            if (members := codes == code).sum() >= MIN_CARS:
                found[f"{name} {level}"] = members
    return found


def price_bands(predicted: np.ndarray) -> pd.Series:
    """The band of each predicted price, as text."""
    return _band(pd.Series(predicted), PRICES)


def _band(values: pd.Series, limits: tuple[float, ...]) -> pd.Series:
    names = [
        (
            f"up to {high:,.0f}"
            if np.isneginf(low)
            else f"above {low:,.0f}" if np.isposinf(high) else f"{low:,.0f} to {high:,.0f}"
        )
        for low, high in zip(limits, limits[1:], strict=False)
    ]
    return pd.cut(values, limits, labels=names).astype(str)
