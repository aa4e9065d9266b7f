"""What the promotion gate's checks look at, and the form of their results."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.evaluation.segments import segments
from vehicle_price.gate.bootstrap import Bounds, clusters_of, simultaneous_bounds

CONFIDENCE = 0.99  # of each bound


class Check(NamedTuple):
    """One check of the best challenger.

    text: figure and limit. safety: whether a model that fails it could do harm; the others compare
    with what serves.
    """

    passed: bool
    text: str
    safety: bool


@dataclass(frozen=True)
class Compared:
    """A challenger and its rival on the same cars; all prices are finite.

    cars: accepted listings, one row a car, index 0, 1, …; so in `prices` and `rival_prices`,
    `price_frame` of them by challenger and rival. The baseline has no interval. baseline: float64
    (rows,), prices without a model. version, rival: names for the reasons. rival_facts: of the
    rival (`Valuation.facts`), None for the baseline. price_shift: how far prices are from the
    rival's by clients' feedback, log(reported / price), where that is the cause of the training.
    """

    cars: pd.DataFrame
    prices: pd.DataFrame
    rival_prices: pd.DataFrame
    baseline: np.ndarray
    version: str
    rival: str
    rival_facts: Mapping[str, Any] | None = None
    price_shift: float = 0.0

    @cached_property
    def actual(self) -> np.ndarray:
        """float64 (rows,): the asked prices, US dollars."""
        return self.cars["price"].to_numpy(float)

    @cached_property
    def rival_bias(self) -> float:
        """The median of the rival's price over the asked one, minus 1."""
        return float(np.median(self.rival_prices["price"].to_numpy(float) / self.actual)) - 1

    @cached_property
    def error(self) -> np.ndarray:
        """float64 (rows,): the challenger's absolute error, US dollars."""
        return np.abs(self.prices["price"].to_numpy(float) - self.actual)

    @cached_property
    def rival_error(self) -> np.ndarray:
        """float64 (rows,): the rival's absolute error, US dollars."""
        return np.abs(self.rival_prices["price"].to_numpy(float) - self.actual)

    @cached_property
    def clusters(self) -> np.ndarray:
        """int64 (rows,): `bootstrap.clusters_of` the cars."""
        return clusters_of(self.cars)

    @cached_property
    def segments(self) -> dict[str, np.ndarray]:
        """`segments.segments` of the cars, by the geometric mean of both prices.

        By one model's prices, the other one would look worse: a band holds the cars that the first
        estimates low, which the second estimates higher, however good both are.
        """
        product = self.prices["price"].to_numpy(float) * self.rival_prices["price"].to_numpy(float)
        return segments(self.cars, np.sqrt(product))

    def bounds(self, values: np.ndarray) -> Bounds:
        """Bounds of the mean of `values` (rows,), CONFIDENCE on each side."""
        return self.bounds_of(values, np.ones((1, len(values)), bool))

    def bounds_of(self, values: np.ndarray, groups: np.ndarray) -> Bounds:
        """Bounds of the means in `groups`, bool (groups, rows), which hold together."""
        return simultaneous_bounds(values, self.clusters, groups, CONFIDENCE)
