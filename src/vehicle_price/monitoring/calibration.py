"""How far windows are from the reference when nothing has changed.

Pseudo-windows are drawn from the reference's own days and compared with its other days. So the
natural difference of days, and the reference's own noise, are in the threshold. Thresholds from
independent rows alarm on nearly every quiet window of real days.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np

from vehicle_price.distance import STATISTICS
from vehicle_price.monitoring.profiles.clustering import effective_rows
from vehicle_price.monitoring.profiles.columns import BY_NAME
from vehicle_price.monitoring.reference import Reference

STATISTIC = "jensen_shannon"
PSEUDO_WINDOWS = 300
MIN_SD = 0.15  # of the mean: so few days tell little of the spread
LEAST_SD = 0.005  # of a column that never changed, such as a field that nobody leaves blank
SMALL_SAMPLE = 5.0  # see `_small_sample`
MIN_K = 5.5  # the smallest with false alarms under 1 % on the first twelve of the real days
MAX_ALARMS = 0.005  # of the pseudo-windows, in the fit; so that 1 % holds on new days
MIN_DISTANCE = 0.08  # a smaller one is of no practical interest, however certain
SEVERE_FACTOR = 2.0  # times k, and times MIN_DISTANCE
MIN_WINDOW_ROWS = 500


class Natural(NamedTuple):
    """A column's distances of quiet windows. sd: at least MIN_SD of the mean, and LEAST_SD."""

    mean: float
    sd: float

    def z(self, distance: float) -> float:
        """How many standard deviations a distance is above the mean."""
        return (distance - self.mean) / self.sd


class Calibration(NamedTuple):
    """For windows of `rows` effective rows over `days` days.

    k: a column with z > k, and a distance of at least MIN_DISTANCE, has drifted. alarms: the share
    of the pseudo-windows in which an alarmed column has.
    """

    references: tuple[Reference, ...]
    rows: int
    days: int
    natural: Mapping[str, Natural]
    k: float
    alarms: float

    def threshold(self, column: str) -> float:
        """The distance above which a column has drifted."""
        natural = self.natural[column]
        return max(natural.mean + self.k * natural.sd, MIN_DISTANCE)

    def severe_threshold(self, column: str) -> float:
        """The distance above which a column's drift is severe."""
        natural = self.natural[column]
        return max(natural.mean + SEVERE_FACTOR * self.k * natural.sd, SEVERE_FACTOR * MIN_DISTANCE)


def calibrate(references: Sequence[Reference], rows: float, days: int) -> Calibration:
    """The distances of quiet windows, from the references of a channel and of a version.

    The seed is fixed: the same references, rows and days give the same thresholds.
    """
    distances = {
        name: found
        for reference in references
        for name, found in _distances(reference, max(int(round(rows)), 1), days).items()
    }
    factor = {name: _small_sample(r, rows / days) for r in references for name in r.counts}
    natural = {name: _natural(found, factor[name]) for name, found in distances.items()}
    largest = _largest_z(distances, natural)
    k = max(MIN_K, float(np.quantile(largest, 1 - MAX_ALARMS, method="higher")))
    alarms = float((largest > k).mean())
    return Calibration(tuple(references), int(round(rows)), days, natural, k, alarms)


def _natural(distances: np.ndarray, factor: float) -> Natural:
    mean = float(distances.mean())
    return Natural(mean, max(float(distances.std()) * factor, MIN_SD * mean, LEAST_SD))


def _small_sample(reference: Reference, rows_a_day: float) -> float:
    """What a standard deviation is multiplied by that is known from few windows.

    It is about the ratio of a t-distribution's limit for one more window to the normal limit, at
    the tail of one column in a window that alarms in 0.5 %: 1.36 for 14 windows, 1.16 for 28.
    """
    windows = np.maximum(reference.rows // max(rows_a_day, 1.0), 1).sum()
    return 1 + SMALL_SAMPLE / float(windows)


def _largest_z(distances: Mapping[str, np.ndarray], natural: Mapping[str, Natural]) -> np.ndarray:
    """(PSEUDO_WINDOWS,): the largest z of the alarmed columns that are beyond MIN_DISTANCE."""
    z = [
        np.where(found >= MIN_DISTANCE, (found - natural[name].mean) / natural[name].sd, 0.0)
        for name, found in distances.items()
        if BY_NAME[name].alarmed
    ]
    return np.max(z, axis=0) if z else np.zeros(PSEUDO_WINDOWS)


def _distances(reference: Reference, rows: int, days: int) -> dict[str, np.ndarray]:
    """Column → (PSEUDO_WINDOWS,): pseudo-windows against the reference's other days, scaled to a
    comparison with all of its days."""
    random = np.random.default_rng(0)
    chosen = _chosen_days(reference, days, random).astype(float)
    scale = _whole_reference(reference, rows, days)
    return {
        name: scale * _column_distances(np.rint(counts), chosen, sizes, random)
        for name, counts in reference.counts.items()
        for sizes in [partial(effective_rows, rows, effects=reference.clustering[name])]
    }


def _whole_reference(reference: Reference, rows: int, days: int) -> float:
    """What distances shrink by when a window is compared with all days instead of the other days.

    Squared distances are proportional to 1 / size of the window + 1 / size of the reference, in
    days as far as days differ, in rows as far as rows do; the larger of both scales is used.
    """
    sizes = [(days, len(reference.days), days)]
    every = float(reference.rows.sum())
    sizes.append((rows, every, every * days / len(reference.days)))
    ratios = [
        (1 / window + 1 / whole) / (1 / window + 1 / (whole - own)) if whole > own else 1.0
        for window, whole, own in sizes
    ]
    return math.sqrt(max(ratios))


def _column_distances(
    counts: np.ndarray,
    chosen: np.ndarray,
    sizes: Callable[[float], float],
    random: np.random.Generator,
) -> np.ndarray:
    """sizes: rows that the days of a window have → rows that are drawn of them."""
    own = (chosen @ counts).astype(int)
    drawn = _drawn(own, np.array([sizes(rows) for rows in own.sum(axis=1).tolist()]), random)
    return STATISTICS[STATISTIC](drawn, counts.sum(axis=0) - own)


def _chosen_days(reference: Reference, days: int, random: np.random.Generator) -> np.ndarray:
    """bool (PSEUDO_WINDOWS, days of the reference): which days each pseudo-window is drawn from.

    Each day comes first equally often. The weekdays differ as far as possible, as in a window of
    consecutive days. Days that hold fewer than MIN_WINDOW_ROWS together are joined by more, up to
    half of the reference.
    """
    count = len(reference.days)
    chosen = np.zeros((PSEUDO_WINDOWS, count), bool)
    most = max(count // 2, 1)
    for window in range(PSEUDO_WINDOWS):
        order = _day_order(reference.days, window % count, random)
        enough = int(np.searchsorted(np.cumsum(reference.rows[order]), MIN_WINDOW_ROWS)) + 1
        chosen[window, order[: min(max(days, enough), most)]] = True
    return chosen


def _day_order(days: Sequence[date], first: int, random: np.random.Generator) -> np.ndarray:
    """All days in random order after the first one, each weekday once before any comes twice."""
    others = random.permutation(len(days))
    order = np.concatenate([[first], others[others != first]])
    weekday = np.array([day.weekday() for day in days])[order]
    occurrence = [int((weekday[:n] == weekday[n]).sum()) for n in range(len(order))]
    return order[np.argsort(occurrence, kind="stable")]


def _drawn(own: np.ndarray, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """int64 (windows, groups): `rows` of each window's own rows, drawn without replacement.

    With replacement, the sampling error of the days themselves would count twice.
    """
    left = np.rint(rows).astype(int)
    rest = own.sum(axis=1)
    drawn = np.zeros_like(own)
    for group in range(own.shape[1]):
        rest = rest - own[:, group]
        drawn[:, group] = random.hypergeometric(own[:, group], rest, left)
        left = left - drawn[:, group]
    return drawn
