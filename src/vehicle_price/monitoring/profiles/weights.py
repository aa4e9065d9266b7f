"""Weights that limit what one caller, one request or one repeated listing can do to a window."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

LARGEST_SHARE = 0.1  # of a window's total weight
FEWEST = 10  # different values of a key; with fewer, a share of 10 % is impossible
ROUNDS, TOLERANCE = 100, 1e-3  # of a group's share, relative


class Weights(NamedTuple):
    """rows: float64 (rows,), each between 0 and 1. effective: their total, the number of rows that
    the window counts for. few: the keys with fewer than FEWEST different values, which limit
    nothing."""

    rows: np.ndarray
    effective: float
    few: tuple[str, ...]


def capped(keys: Mapping[str, object]) -> Weights:
    """Weights with which no value of a key has more than LARGEST_SHARE of the total.

    keys: name → (rows,) values, such as caller, request and listing. Rows of large groups count
    less; no row counts more than 1. The total falls too: a file of 1,000 rows beside 45 single
    requests counts for 5, and the window for 50 rows.

    >>> weights = capped({"caller": ["file"] * 1000 + list(range(45))})
    >>> round(weights.effective), round(weights.rows[0] * 1000)
    (50, 5)
    """
    coded = {name: pd.factorize(_hashable(values))[0] for name, values in keys.items()}
    sizes = {name: int(codes.max(initial=-1)) + 1 for name, codes in coded.items()}
    rows = np.ones(len(next(iter(coded.values()), ())))
    few = tuple(name for name, size in sizes.items() if size < FEWEST)
    limited = [codes for name, codes in coded.items() if name not in few]
    for _ in range(ROUNDS):
        before = rows
        for codes in limited:
            rows = rows * _factors(np.bincount(codes, rows))[codes]
        if rows.sum() >= before.sum() * (1 - TOLERANCE):
            break
    return Weights(rows, float(rows.sum()), few)


def most_of_a_value(counts: Sequence[int]) -> int | None:
    """How many rows of each value of a key may count, so that no value has more than LARGEST_SHARE
    of the rows that count; None with fewer than FEWEST values, which nothing can limit so far.

    counts: rows of each value, each above 0. More rows never lower it: a row that counts goes on
    counting if the first rows of each value are those that count.

    >>> most_of_a_value([1_000] + 12 * [5]), most_of_a_value(9 * [5])
    (6, None)
    """
    if len(counts) < FEWEST:
        return None
    totals = np.asarray(counts, float)
    return int(LARGEST_SHARE * _limited_total(totals) * (1 + 1e-9))


def _hashable(values: object) -> pd.Series:
    """The values as text; an absent one is a value like another: rows without a caller are one."""
    return pd.Series(values, dtype=object).map(str)


def _factors(totals: np.ndarray) -> np.ndarray:
    """What each group's weights are multiplied by, (groups,)."""
    limit = LARGEST_SHARE * _limited_total(totals)
    return np.minimum(1.0, limit / np.where(totals > 0, totals, np.inf)) * (totals > 0)


def _limited_total(totals: np.ndarray) -> float:
    """The largest T with T = the sum of min(total of a group, LARGEST_SHARE × T).

    The j largest groups are at the limit; then T = (the others' sum) / (1 - j × LARGEST_SHARE).
    """
    ordered = np.sort(totals)[::-1]
    others = ordered.sum() - np.concatenate([[0.0], np.cumsum(ordered)[: FEWEST - 1]])
    for at_limit, rest in enumerate(others[: min(FEWEST, len(ordered))]):
        total = rest / (1 - at_limit * LARGEST_SHARE)
        if ordered[at_limit] <= LARGEST_SHARE * total * (1 + 1e-12):
            return float(total)
    # Exactly ten large groups and nothing else: ten times the tenth.
    return float(ordered[FEWEST - 1] / LARGEST_SHARE) if len(ordered) >= FEWEST else 0.0
