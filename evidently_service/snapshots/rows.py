"""Rows for Evidently out of counts: a column's groups, each repeated as often as it weighs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

MOST_ROWS = 5_000  # of a side; pictures of more take longer and look the same
NEVER = 1.0  # a threshold that no distance is above


class PicturedColumn(NamedTuple):
    """A column that was judged.

    groups: their names, in order. reference, window: float64 (groups,), weights. distance: that was
    found. threshold: above which the column has drifted; NEVER if its distance is only shown.
    drifted: the stored verdict.
    """

    name: str
    groups: tuple[str, ...]
    reference: np.ndarray
    window: np.ndarray
    distance: float
    threshold: float
    drifted: bool

    @property
    def alarms(self) -> bool:
        """Whether the column can drift."""
        return self.threshold < NEVER


class Sides(NamedTuple):
    """The same columns of the reference and of the window."""

    reference: pd.DataFrame
    window: pd.DataFrame


def sides(columns: Sequence[PicturedColumn]) -> Sides:
    """Frames with a row for about each request of the window, at most MOST_ROWS.

    The reference has as many, so that bars of both can be compared. Columns are filled one by one:
    rows across columns mean nothing.
    """
    total = int(min(max(round(c.window.sum()) for c in columns), MOST_ROWS))
    return Sides(
        _frame({c.name: c.reference for c in columns}, columns, total),
        _frame({c.name: c.window for c in columns}, columns, total),
    )


def _frame(
    weights: Mapping[str, np.ndarray], columns: Sequence[PicturedColumn], total: int
) -> pd.DataFrame:
    data = {c.name: np.repeat(c.groups, row_counts(weights[c.name], total)) for c in columns}
    return pd.DataFrame(data)


def row_counts(weights: np.ndarray, total: int) -> np.ndarray:
    """int64 (groups,): `total` rows in proportion to the weights, at least one where there is any.

    >>> row_counts(np.array([990.0, 9.9, 0.1, 0.0]), 100).tolist()
    [98, 1, 1, 0]
    """
    exact = weights / weights.sum() * total
    rows = np.where(weights > 0, np.maximum(np.floor(exact), 1), 0).astype(int)
    missing = total - int(rows.sum())
    if missing > 0:
        np.add.at(rows, np.argsort(rows - exact, kind="stable")[:missing], 1)
    else:
        rows[rows.argmax()] += missing
    return rows


def weight_of_a_row(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float64 (groups,): what each row of a group stands for; rows are rounded, weights are not."""
    return weights / np.where(rows > 0, rows, 1)
