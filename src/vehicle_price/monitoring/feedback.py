"""Predictions with the prices that clients reported later, and robust statistics of them.

One key of twelve, with a tenth of the weight, moves the median of all reports by 0.03. It moves the
interquartile mean of the keys' medians by a third of that, because medians of keys differ less than
single reports, and a mean of many ranks jumps less than a median of twelve values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from vehicle_price.estimate import COVERAGE
from vehicle_price.monitoring.profiles.weights import Weights, capped

LEFT_OUT_SHARE = 0.05  # of the weight: keys with less decide nothing alone
# A key with fewer reports has no median of its own: the median of two is their mean, which is lower
# than the median of many, since some cars are reported far too cheap.
MIN_KEY_REPORTS = 4
MIDDLE = np.linspace(0.25, 0.75, 51)  # ranks of the interquartile mean


@dataclass(frozen=True)
class Feedback:
    """Predictions with a reported price; each (rows,).

    price, low, high, reported: float64, US dollars above 0. key: int64, number of the API key that
    reported. day: int64, number of the prediction's day. weight: float64, as `capped` gives it.
    """

    price: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reported: np.ndarray
    key: np.ndarray
    day: np.ndarray
    weight: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Feedback":
        """Some of the rows, with the weights that they have among all."""
        return Feedback(*(getattr(self, name)[chosen] for name in NAMES))

    @property
    def keys(self) -> int:
        """Number of different keys."""
        return len(np.unique(self.key))

    @property
    def effective(self) -> float:
        """Total weight."""
        return float(self.weight.sum())


NAMES = tuple(field.name for field in fields(Feedback))


def feedback_of(
    price: object, low: object, high: object, reported: object, key: object, day: object
) -> tuple[Feedback, bool]:
    """Weighted feedback, and whether it is from fewer than ten keys, which are not limited.

    Each (rows,). Rows without a price above 0, or without a report above 0, are left out.
    """
    numbers = [np.asarray(values, float).reshape(-1) for values in (price, low, high, reported)]
    usable = np.isfinite(numbers).all(axis=0) & (numbers[0] > 0) & (numbers[3] > 0)
    keys, days = (pd.Series(v, dtype=object).map(str)[usable] for v in (key, day))
    weights: Weights = capped({"key": keys})
    used = [values[usable] for values in numbers]
    codes = [pd.factorize(values, sort=True)[0] for values in (keys, days)]
    return Feedback(*used, *codes, weights.rows), bool(weights.few)


def without_one_key(feedback: Feedback) -> Iterator[Feedback]:
    """The feedback without each key that has at least LEFT_OUT_SHARE of the weight."""
    of_key = np.bincount(feedback.key, feedback.weight)
    for key in np.flatnonzero(of_key >= LEFT_OUT_SHARE * of_key.sum()):
        yield feedback.rows(feedback.key != key)


def log_ratio(feedback: Feedback) -> np.ndarray:
    """(rows,): logarithm of reported over predicted price; above 0 the model is too low."""
    return np.log(feedback.reported / feedback.price)


def bias(feedback: Feedback) -> float:
    """The weighted interquartile mean of the keys' median log ratios."""
    medians, weights = _by_key(feedback)
    return float(np.mean(quantile(medians, weights, MIDDLE)))


def bias_error(feedback: Feedback) -> float:
    """The standard error of `bias`: that of an interquartile mean of normal values, 1.09 σ / √n,
    with σ from the interquartile range; 0 of fewer than two values."""
    medians, weights = _by_key(feedback)
    count = effective_number(weights)
    if count < 2:
        return 0.0
    low, high = quantile(medians, weights, np.array([0.25, 0.75]))
    return float(1.09 * (high - low) / 1.349 / np.sqrt(count))


def median_ape(feedback: Feedback) -> float:
    """The weighted median of |price - reported| / reported."""
    return float(quantile(_ape(feedback), feedback.weight, 0.5))


def coverage(feedback: Feedback) -> float:
    """The weighted share of reported prices within [low, high]."""
    held = (feedback.low <= feedback.reported) & (feedback.reported <= feedback.high)
    return mean(held, feedback.weight)


def absolute_error(feedback: Feedback) -> float:
    """Weighted mean of |price - reported|, US dollars."""
    return mean(np.abs(feedback.price - feedback.reported), feedback.weight)


def width(feedback: Feedback) -> float:
    """Weighted mean of high - low, US dollars."""
    return mean(feedback.high - feedback.low, feedback.weight)


def interval_score(feedback: Feedback) -> float:
    """Weighted mean of the interval score, US dollars (Gneiting and Raftery 2007, eq. 43)."""
    below, above = feedback.low - feedback.reported, feedback.reported - feedback.high
    outside = np.maximum(below, 0) + np.maximum(above, 0)
    return mean(feedback.high - feedback.low + 2 / (1 - COVERAGE) * outside, feedback.weight)


def lower_bound_of_median_ape(
    feedback: Feedback, cluster: np.ndarray, draws: int, confidence: float
) -> float:
    """One-sided lower bound of `median_ape` by a bootstrap over clusters, int64 (rows,)."""
    order = np.argsort(_ape(feedback), kind="stable")
    error, weight, of_row = _ape(feedback)[order], feedback.weight[order], cluster[order]
    # Poisson weights approximate drawing clusters with replacement; the seed is fixed.
    drawn = np.random.default_rng(0).poisson(1.0, (draws, int(cluster.max()) + 1))
    medians = [_sorted_median(error, weight * one[of_row]) for one in drawn]
    return float(np.nanquantile(medians, 1 - confidence))


def quantile(values: np.ndarray, weights: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Weighted quantiles, between the values' middle ranks; NaN without weight.

    >>> float(quantile(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.5))
    2.0
    """
    if not weights.sum() > 0:
        return np.full(np.shape(share), np.nan)
    order = np.argsort(values, kind="stable")
    sorted_weights = weights[order]
    rank = (np.cumsum(sorted_weights) - sorted_weights / 2) / sorted_weights.sum()
    return np.asarray(np.interp(share, rank, values[order]))


def mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean; NaN without weight."""
    return float((values * weights).sum() / weights.sum()) if weights.sum() > 0 else float("nan")


def effective_number(weights: np.ndarray) -> float:
    """Kish's effective sample size; 0 without weight."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def _ape(feedback: Feedback) -> np.ndarray:
    return np.abs(feedback.price - feedback.reported) / feedback.reported


def _by_key(feedback: Feedback) -> tuple[np.ndarray, np.ndarray]:
    """Median log ratio and total weight of each key, within which all weights are equal; of a key
    with few reports each counts by itself."""
    few = np.bincount(feedback.key)[feedback.key] < MIN_KEY_REPORTS
    unit = np.where(few, -1 - np.arange(len(few)), feedback.key)
    columns = {"ratio": log_ratio(feedback), "weight": feedback.weight}
    by_unit = pd.DataFrame(columns).groupby(unit)
    return by_unit["ratio"].median().to_numpy(), by_unit["weight"].sum().to_numpy()


def _sorted_median(values: np.ndarray, weights: np.ndarray) -> float:
    total = np.cumsum(weights)
    if not total[-1] > 0:
        return float("nan")
    return float(values[np.searchsorted(total, total[-1] / 2)])
