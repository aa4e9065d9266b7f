"""Distances between two distributions over the same groups, and groups of about equal counts.

To add a statistic, add one entry to STATISTICS.
"""

from collections.abc import Callable

import numpy as np

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def shares(counts: np.ndarray) -> np.ndarray:
    """Counts (..., groups) as shares of their total; all 0 where the total is 0."""
    total = counts.sum(axis=-1, keepdims=True)
    return counts / np.where(total > 0, total, 1.0)


def quantile_starts(counts: np.ndarray, groups: int) -> np.ndarray:
    """Indices of the fine bins at which groups of about equal counts begin; the first is 0.

    counts: (fine bins,), in ascending order of the bins. A bin belongs to the group of the middle
    of its ranks, so there may be fewer groups than `groups`.

    >>> quantile_starts(np.array([2, 1, 1, 4]), 2).tolist()
    [0, 3]
    """
    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1e-12)
    return np.flatnonzero(np.diff(np.floor(middle * groups), prepend=-1.0))


def jensen_shannon(counts: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The square root of the Jensen-Shannon divergence to base 2, from 0 to 1 (Lin 1991; Endres
    and Schindelin 2003). Both (..., groups); an empty distribution has the distance 0 to any.

    >>> float(jensen_shannon(np.array([4, 0]), np.array([0, 7])))
    1.0
    """
    p, q = shares(np.asarray(counts, float)), shares(np.asarray(reference, float))
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    empty = (p.sum(axis=-1) == 0) | (q.sum(axis=-1) == 0)
    return np.sqrt(np.where(empty, 0.0, np.clip(divergence, 0.0, 1.0)))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence in bits; 0 log 0 is 0."""
    ratio = np.where(p > 0, p, 1.0) / np.where(p > 0, q, 1.0)
    return (p * np.log2(ratio)).sum(axis=-1)


STATISTICS: dict[str, Distance] = {"jensen_shannon": jensen_shannon}
