"""The price that a model predicts for a car, and the range in which a price is plausible."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

COVERAGE = 0.9  # the share of prices that an interval shall hold
LOWEST_PRICE, HIGHEST_PRICE = 50, 2_000_000  # US dollars; a car's price lies between them
_UNKNOWN = re.compile(r"(\w+): (?:'.*'|\".*\") was not in the training data; [^'\"]*\Z", re.DOTALL)


class Estimate(NamedTuple):
    """A predicted price and its interval in whole US dollars, with warnings for the user."""

    price: int
    low: int
    high: int
    warnings: tuple[str, ...]


def is_plausible(estimate: Estimate) -> bool:
    """Whether price and interval can be those of a car; a broken model's are not."""
    return all(math.isfinite(v) and LOWEST_PRICE <= v <= HIGHEST_PRICE for v in estimate[:3])


def unknown_value(column: str, value: object, consequence: str) -> str:
    """The warning that a column's value was not in the training data; `unknown_columns` reads it.

    consequence: how the car was priced then, without quotation marks.

    >>> unknown_value("model", "modle t", "priced from the make")
    "model: 'modle t' was not in the training data; priced from the make"
    """
    return f"{column}: {value!r} was not in the training data; {consequence}"


def unknown_columns(warnings: Iterable[object]) -> frozenset[str]:
    """The columns whose value was not in the training data, from a price's warnings.

    >>> warning = unknown_value("model", "modle t", "priced from the make")
    >>> unknown_columns([warning, "model: not given; priced as an average car of the make"])
    frozenset({'model'})
    """
    found = (_UNKNOWN.match(warning) for warning in warnings if isinstance(warning, str))
    return frozenset(match[1] for match in found if match)
