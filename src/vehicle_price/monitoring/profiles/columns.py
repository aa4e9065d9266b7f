"""The watched columns, generated from the schema.

To watch a column, add one entry to WATCHED.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.estimate import HIGHEST_PRICE, LOWEST_PRICE
from vehicle_price.features.definitions import MAX_AGE, MIN_AGE
from vehicle_price.monitoring.profiles import values
from vehicle_price.schema import FEATURES

MISSING, OTHER, LOWEST = "<missing>", "<other>", "-inf"

OPTIONAL = tuple(column for column in FEATURES if not column.required)
LEVELS = tuple(c for c in FEATURES if c.kind == "level" and c.name != "state")
PRICE_STEP = 1.05  # between the limits of two bins


def steps(*parts: tuple[float, float, float]) -> tuple[float, ...]:
    """The limits of fine bins: each part is (first, end, step); the last end is a limit too.

    >>> steps((0, 2, 1), (2, 6, 2))
    (0.0, 1.0, 2.0, 4.0, 6.0)
    """
    limits = [np.round(np.arange(first, end, step), 6) for first, end, step in parts]
    return tuple(np.concatenate([*limits, [parts[-1][1]]]).astype(float).tolist())


AGES = steps((MIN_AGE, MAX_AGE, 1))
MILES = steps((0, 200_000, 2_500), (200_000, 300_000, 10_000), (300_000, 500_000, 50_000))
MILES_A_YEAR = steps((0, 20_000, 500), (20_000, 40_000, 2_000), (40_000, 200_000, 20_000))
PRICES = tuple(
    np.rint(
        LOWEST_PRICE
        * PRICE_STEP ** np.arange(np.log(HIGHEST_PRICE / LOWEST_PRICE) / np.log(PRICE_STEP))
    ).tolist()
)
WIDTHS = steps((0, 1.5, 0.02), (1.5, 3, 0.1), (3, 10, 1))


class Coded(NamedTuple):
    """A column of a window. codes: int64 (rows,), index into `labels`: levels, or the lower limits
    of fine bins, as text."""

    codes: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Watched:
    """A watched column.

    field: of the listing or of the answer that it is about; columns of one field drift together.
    values: requests → float64 or object (rows,). limits: of the fine bins; none for levels.
    levels: known ones. alarmed: else its distance is shown only. of_version: its reference is the
    model version's own requests, not those of the channel.
    """

    name: str
    field: str
    values: Callable[[pd.DataFrame], np.ndarray | pd.Series]
    limits: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    alarmed: bool = True
    of_version: bool = False


WATCHED: tuple[Watched, ...] = (
    Watched("age", "year", values.age, AGES),
    Watched("odometer", "odometer", partial(values.numbers, name="odometer"), MILES),
    Watched("odometer_per_year", "odometer", values.odometer_per_year, MILES_A_YEAR),
    *(Watched(c.name, c.name, partial(values.texts, name=c.name), levels=c.levels) for c in LEVELS),
    Watched("state", "state", values.division, levels=tuple(values.DIVISIONS), alarmed=False),
    *(
        Watched(f"{name}_known", name, partial(values.known, name=name))
        for name in ("region", "model")
    ),
    *(Watched(f"{c.name}_blank", c.name, partial(values.blank, name=c.name)) for c in OPTIONAL),
    Watched("unknown_level", "unknown_level", values.has_unknown_level),
    Watched("price", "price", partial(values.numbers, name="price"), PRICES, of_version=True),
    Watched("relative_width", "width", values.relative_width, WIDTHS, of_version=True),
)
BY_NAME = {watched.name: watched for watched in WATCHED}


def code(watched: Watched, requests: pd.DataFrame) -> Coded:
    """A column of `requests`, coded."""
    found = watched.values(requests)
    if watched.limits:
        return _binned(np.asarray(found, float), watched.limits)
    codes, distinct = pd.factorize(np.asarray(found, object))
    return Coded(np.where(codes < 0, len(distinct), codes), (*map(str, distinct), MISSING))


def _binned(found: np.ndarray, limits: tuple[float, ...]) -> Coded:
    bins = np.searchsorted(limits, found, side="right")
    labels = (LOWEST, *(f"{limit:.10g}" for limit in limits), MISSING)
    return Coded(np.where(np.isnan(found), len(labels) - 1, bins), labels)
