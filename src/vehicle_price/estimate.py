"""The price that a model predicts for a car, and the range in which a price is plausible."""

import math
from typing import NamedTuple

COVERAGE = 0.9  # the share of prices that an interval shall hold
LOWEST_PRICE, HIGHEST_PRICE = 50, 2_000_000  # US dollars; a car's price lies between them


class Estimate(NamedTuple):
    """A predicted price and its interval in whole US dollars, with warnings for the user."""

    price: int
    low: int
    high: int
    warnings: tuple[str, ...]


def is_plausible(estimate: Estimate) -> bool:
    """Whether price and interval can be those of a car; a broken model's are not."""
    return all(math.isfinite(v) and LOWEST_PRICE <= v <= HIGHEST_PRICE for v in estimate[:3])
