"""Clients' reports on a canary, counted against those on production: what the canary's rule sees.

No key has more than a tenth of the reports that count, where there are ten keys: the first reports
of each key count. So it depends on how often keys report, and never on what they report, which
reports count, and a report that counts goes on counting.
"""

from typing import NamedTuple

import numpy as np

from vehicle_price.monitoring.feedback import LEFT_OUT_SHARE
from vehicle_price.monitoring.profiles.weights import most_of_a_value


class CanaryFeedback(NamedTuple):
    """Clients' reports since a canary serves, on its prices and on production's, that count.

    production, canary: number of reports. larger_errors: of the canary's, how many have a relative
    error above the median of production's. higher_prices, lower_prices: how many have a ratio of
    price to reported price above, and below, the median of production's. keys: that have reported.
    left_out: reports on the canary that do not count. without: the counts without each large key.
    """

    production: int
    canary: int
    larger_errors: int
    higher_prices: int
    lower_prices: int
    keys: int = 0
    left_out: int = 0
    without: tuple["CanaryFeedback", ...] = ()


class Reports(NamedTuple):
    """Reports in the order in which they were received. keys: (reports,), int64 or text. ratios:
    float64 (reports,), price by reported price."""

    keys: np.ndarray
    ratios: np.ndarray

    def rows(self, chosen: np.ndarray | slice) -> "Reports":
        """Some of the reports."""
        return Reports(self.keys[chosen], self.ratios[chosen])


def canary_feedback(canary: Reports, production: Reports) -> CanaryFeedback:
    """Count the reports on a canary's and on production's prices since it serves.

    A key with LEFT_OUT_SHARE of either side is large: the counts without it are given, too, unless
    it is the only key.
    """
    sides = _that_count(canary), _that_count(production)
    keys = np.unique(np.concatenate([canary.keys, production.keys]))
    large = np.unique(np.concatenate([_large_keys(side) for side in sides]))
    without = [
        _counts(*(side.rows(side.keys != key) for side in sides)) for key in large if len(keys) > 1
    ]
    left_out = len(canary.ratios) - len(sides[0].ratios)
    return _counts(*sides)._replace(keys=len(keys), left_out=left_out, without=tuple(without))


def _that_count(reports: Reports) -> Reports:
    """The first reports of each key, as many as `most_of_a_value` allows."""
    _, numbers, counts = np.unique(reports.keys, return_inverse=True, return_counts=True)
    most = most_of_a_value(counts.tolist())
    return reports if most is None else reports.rows(_earlier(numbers, counts) < most)


def _earlier(numbers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """int64 (reports,): how many reports of the same key came before each. numbers: of its key."""
    order = np.argsort(numbers, kind="stable")
    earlier = np.empty(len(numbers), np.int64)
    earlier[order] = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)
    return earlier


def _large_keys(reports: Reports) -> np.ndarray:
    keys, counts = np.unique(reports.keys, return_counts=True)
    return keys[counts >= LEFT_OUT_SHARE * len(reports.keys)]


def _counts(canary: Reports, production: Reports) -> CanaryFeedback:
    if production.ratios.size == 0:
        return CanaryFeedback(0, len(canary.ratios), 0, 0, 0)
    error, middle = np.median(np.abs(production.ratios - 1)), np.median(production.ratios)
    return CanaryFeedback(
        len(production.ratios),
        len(canary.ratios),
        int((np.abs(canary.ratios - 1) > error).sum()),
        int((canary.ratios > middle).sum()),
        int((canary.ratios < middle).sum()),
    )
