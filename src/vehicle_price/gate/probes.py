"""Probes: change one fact of a car and see that its price moves the right way, or not at all."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.schema import BY_NAME

CARS = 500  # that are probed; each several times
MORE_MILES = (1, 10, 100, 1_000, 10_000)

PriceFrame = Callable[[pd.DataFrame], pd.DataFrame]


class Probed(NamedTuple):
    """How many of the probed cars' prices moved the wrong way.

    dearer_by_miles: with more miles. cheaper_by_condition: in a better condition.
    cheaper_by_year: one model year newer, which is a figure and not a rule.
    """

    cars: int
    dearer_by_miles: int
    cheaper_by_condition: int
    cheaper_by_year: int


def probe(price_frame: PriceFrame, cars: pd.DataFrame) -> Probed:
    """Probe the first CARS of `cars` (accepted listings, one row a car)."""
    cars = cars.head(CARS)
    before = _prices(price_frame, cars)
    most = BY_NAME["odometer"].maximum
    dearer = np.zeros(len(cars), bool)
    for miles in MORE_MILES:
        odometer = np.minimum(cars["odometer"] + miles, most)
        dearer |= _prices(price_frame, cars.assign(odometer=odometer)) > before
    conditions = [
        _prices(price_frame, cars.assign(condition=level)) for level in BY_NAME["condition"].levels
    ]
    cheaper = (np.diff(np.array(conditions), axis=0) < 0).any(axis=0)
    newer = _prices(price_frame, cars.assign(year=cars["year"] + 1)) < before
    return Probed(len(cars), int(dearer.sum()), int(cheaper.sum()), int(newer.sum()))


def _prices(price_frame: PriceFrame, cars: pd.DataFrame) -> np.ndarray:
    return price_frame(cars)["price"].to_numpy()
