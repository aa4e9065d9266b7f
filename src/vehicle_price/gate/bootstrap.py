"""Confidence bounds of means by a cluster bootstrap.

Cars of one region and day are alike, so they are drawn together: a bootstrap over single cars would
promise two thirds of the true width. The bounds of many groups hold at the same time (max-T: the
critical value is a quantile of the largest of all groups' deviations).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

DRAWS = 1_000
MIN_SHARE = 1e-9  # of a group's cars in a draw; a draw without any says nothing about it


class Bounds(NamedTuple):
    """Simultaneous bounds of the means of several groups; each (groups,).

    A group whose cars are all in one cluster has the bounds -inf and inf.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def clusters_of(cars: pd.DataFrame) -> np.ndarray:
    """int64 (rows,): the number of each car's cluster, its region and posting day."""
    keys = [cars["region"].fillna(""), cars["posting_day"]]
    return (
        pd.DataFrame({str(n): key.astype(str) for n, key in enumerate(keys)})
        .groupby(["0", "1"], sort=True)
        .ngroup()
        .to_numpy()
    )


def simultaneous_bounds(
    values: np.ndarray, clusters: np.ndarray, groups: np.ndarray, confidence: float
) -> Bounds:
    """Bounds of the mean of `values` in each group, which all hold with `confidence`, one-sided.

    values: float64 (rows,). clusters: int64 (rows,), as `clusters_of` gives them. groups: bool
    (groups, rows), which rows each group has. The seed is fixed: the same cars, the same bounds.
    """
    sums, sizes = _by_cluster(values, clusters, groups)
    mean = sums.sum(axis=1) / sizes.sum(axis=1)
    drawn = _drawn_means(sums, sizes, mean)
    spread = drawn.std(axis=0)
    certain = ((sizes > 0).sum(axis=1) > 1) & (spread > 0)
    deviations = (drawn - mean) / np.where(certain, spread, np.inf)
    up = np.quantile(deviations.max(axis=1), confidence) * spread
    down = np.quantile(-deviations.min(axis=1), confidence) * spread
    one_cluster = (sizes > 0).sum(axis=1) < 2
    return Bounds(
        mean,
        np.where(one_cluster, -np.inf, mean - down),
        np.where(one_cluster, np.inf, mean + up),
    )


def _by_cluster(
    values: np.ndarray, clusters: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the values, and number of the rows, of each group (rows) in each cluster (columns)."""
    count = int(clusters.max()) + 1
    membership = groups.astype(float)
    sums = np.array([np.bincount(clusters, row * values, count) for row in membership])
    return sums, np.array([np.bincount(clusters, row, count) for row in membership])


def _drawn_means(sums: np.ndarray, sizes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The means of DRAWS draws of the clusters (rows), of each group (columns)."""
    # Poisson weights approximate drawing clusters with replacement.
    shape = (DRAWS, sums.shape[1])
    weights = np.random.default_rng(0).poisson(1.0, shape).astype(float)
    drawn_sizes = weights @ sizes.T
    quotients = weights @ sums.T / np.maximum(drawn_sizes, MIN_SHARE)
    return np.where(drawn_sizes > MIN_SHARE, quotients, mean)
