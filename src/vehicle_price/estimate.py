"""The price of one car as a model answers it, and which numbers can be a price at all."""

import math
from typing import NamedTuple

LOWEST_PRICE, HIGHEST_PRICE = 50, 2_000_000  # US dollars; outside them it is no car's price


class Estimate(NamedTuple):
    """What a car is worth, in whole US dollars: price, interval, and what to know about it."""

    price: int
    low: int
    high: int
    warnings: tuple[str, ...]


def is_plausible(estimate: Estimate) -> bool:
    """Whether an estimate can be a car's price at all (a broken model's cannot)."""
    return all(math.isfinite(v) and LOWEST_PRICE <= v <= HIGHEST_PRICE for v in estimate[:3])
