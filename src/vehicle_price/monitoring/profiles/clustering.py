"""How alike neighbouring requests are: the design effect of each column.

A dealer's requests come together, so the shares in 500 neighbouring rows vary more than those in
500 rows drawn at random: by the design effect (Kish 1965), which grows with the number of rows.
Thresholds for rows drawn at random would alarm on every fifth quiet window.
"""

from collections.abc import Sequence

import numpy as np

BLOCKS = (16, 8, 4, 2)  # equal parts of a day, in the order of time

DesignEffects = tuple[float, ...]  # one for each of BLOCKS
NONE: DesignEffects = (1.0,) * len(BLOCKS)


def design_effects(groups: np.ndarray, count: int, weights: np.ndarray) -> DesignEffects:
    """Variance of the groups' shares in each block, over that in blocks of rows drawn at random.

    groups: int64 (rows,), from 0 to count - 1, in the order of time. It is the chi-squared
    statistic of blocks and groups over its degrees of freedom; 1 if there are too few of either.
    """
    if len(groups) < BLOCKS[0]:
        return NONE
    block = np.arange(len(groups)) * BLOCKS[0] // len(groups)
    counts = np.bincount(block * count + groups, weights, BLOCKS[0] * count)
    finest = counts.reshape(BLOCKS[0], count)
    size = (weights**2).sum() / max(weights.sum(), 1e-12)  # of a row: 1, or less if limited
    return tuple(
        _chi_squared_ratio(finest.reshape((blocks, -1, count)).sum(axis=1)) / size
        for blocks in BLOCKS
    )


def effective_rows(rows: float, available: float, effects: Sequence[float]) -> float:
    """How many rows drawn at random of `available` ones vary like `rows` neighbouring ones."""
    if rows >= available:
        return available
    shares = [1 / blocks for blocks in BLOCKS]
    effect = max(float(np.interp(np.log(rows / available), np.log(shares), effects)), 1.0)
    return 1 / (1 / available + effect * (1 / rows - 1 / available))


def _chi_squared_ratio(counts: np.ndarray) -> float:
    """Of a table (blocks, groups): chi-squared over its degrees of freedom; 1 without any."""
    counts = counts[:, counts.sum(axis=0) > 0]
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    of_block = counts.sum(axis=1, keepdims=True)
    if not freedom or not (of_block > 0).all():
        return 1.0
    expected = of_block * counts.sum(axis=0) / counts.sum()
    return float(((counts - expected) ** 2 / expected).sum() / freedom)
