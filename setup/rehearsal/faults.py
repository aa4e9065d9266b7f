"""The faults of a rehearsal: what is wrong from a day on, with the prices or with the requests."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.contract.suspicions import KM_PER_MILE
from vehicle_price.schema import BY_NAME, FEATURES

MAKE_SHARE = 0.3  # of the requests, that become cars of the make
OPTIONAL = tuple(column.name for column in FEATURES if not column.required)

Change = Callable[[pd.DataFrame], pd.DataFrame]


class WrongFault(ValueError):
    """A fault that cannot be rehearsed; the message says what is expected."""


class Fault(NamedTuple):
    """prices: what listings and reported prices are multiplied with. requests: what happens to the
    listings that callers send, (rows, columns) to the same. text: for people."""

    text: str
    prices: float
    requests: Change

    @property
    def needs_reference(self) -> bool:
        """Whether it shows in the requests, which are compared with a reference of 14 days."""
        return self.prices == 1


def unchanged(cars: pd.DataFrame) -> pd.DataFrame:
    """The same cars."""
    return cars


NOTHING = Fault("no fault", 1.0, unchanged)


def shock(percent: str) -> Fault:
    """All prices rise or fall, such as +25%. Raises WrongFault."""
    try:
        share = float(percent.strip().removesuffix("%")) / 100
    except ValueError as error:
        raise WrongFault(f"SHOCK={percent!r}: expected a percentage such as +25%") from error
    if not -0.6 <= share <= 1.5 or not share:
        raise WrongFault(f"SHOCK={percent!r}: expected -60% to +150%, and not 0")
    return Fault(f"prices {share:+.0%}", 1 + share, unchanged)


def unit(name: str) -> Fault:
    """Callers send the odometer in kilometres. Raises WrongFault."""
    if name != "km":
        raise WrongFault(f"UNIT={name!r}: expected km")
    largest = BY_NAME["odometer"].maximum

    def in_kilometres(cars: pd.DataFrame) -> pd.DataFrame:
        miles = np.rint(cars["odometer"] * KM_PER_MILE).clip(upper=largest)
        return cars.assign(odometer=miles.astype("int64"))

    return Fault("odometer in kilometres", 1.0, in_kilometres)


def blank(column: str) -> Fault:
    """Callers leave an optional field out. Raises WrongFault."""
    if column not in OPTIONAL:
        raise WrongFault(f"BLANK={column!r}: expected one of {', '.join(OPTIONAL)}")
    return Fault(f"{column} left blank", 1.0, lambda cars: cars.assign(**{column: None}))


def make(name: str) -> Fault:
    """A share of the requests become cars of one make. Raises WrongFault."""
    makes = BY_NAME["manufacturer"].levels
    if name not in makes:
        raise WrongFault(f"MAKE={name!r}: expected one of {', '.join(makes)}")

    def more_of_it(cars: pd.DataFrame) -> pd.DataFrame:
        of_make = cars[cars["manufacturer"] == name]
        if of_make.empty:
            return cars.assign(manufacturer=name)
        replaced = round(MAKE_SHARE * len(cars))
        added = of_make.iloc[np.arange(replaced) % len(of_make)]
        return pd.concat([cars.iloc[replaced:], added]).sample(frac=1, random_state=0)

    return Fault(f"{MAKE_SHARE:.0%} of the requests are {name}", 1.0, more_of_it)


FAULTS: dict[str, Callable[[str], Fault]] = {
    "shock": shock,
    "unit": unit,
    "blank": blank,
    "make": make,
}
