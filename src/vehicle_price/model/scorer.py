"""The scorer: log prices and quantiles from model inputs, for one listing or many.

XGBoost's `inplace_predict` takes milliseconds for a single row, because every call prepares all
trees again, and more time per row than these loops for many. Numba compiles the loops on first use;
setup/decisions/0015-compiled-scorer.md has the figures.

A walk from root to leaf waits for memory at each step, so several walks are interleaved: one
listing through several trees, or many listings through one tree. Both add the leaves in the same
order, so both give the same score.
"""

import logging
from collections.abc import Callable
from functools import cache

import numpy as np

from vehicle_price.model.tree_packing import RankedTrees, rank_encode
from vehicle_price.model.trees import Trees

log = logging.getLogger(__name__)

TREE_BLOCK = 64  # trees that one listing goes through together
ROW_BLOCK = 64  # listings that go through one tree together
MAX_SINGLE_ROWS = 8  # up to this many listings, one listing at a time is faster


class Scorer:
    """The trees of a model, rank encoded."""

    def __init__(self, trees: Trees) -> None:
        self._ranked = rank_encode(trees)

    def score(self, inputs: np.ndarray) -> np.ndarray:
        """float32 (rows, outputs) for float32 (rows, inputs), C order; equal to the booster's.

        Releases the GIL. Raises ValueError for another number of inputs.
        """
        width = inputs.shape[1]
        required_width = len(self._ranked.threshold_starts) - 1
        if width != required_width:
            raise ValueError(f"{width} inputs, need {required_width}")
        return _compiled()(inputs, self._ranked)


def compile_scorer() -> None:
    """Compile the loops now; before a fork, so that the processes share the compiler's memory."""
    _compiled()


# Numba compiles one large function best.
# pylint: disable=too-many-arguments, too-many-locals, too-many-positional-arguments


def _rank_inputs(inputs, thresholds, threshold_starts, ranks):
    """Write into `ranks` how many thresholds of its input each value is not below; NaN: all."""
    for row in range(inputs.shape[0]):
        for column in range(inputs.shape[1]):
            # A binary search without an unpredictable branch: `not_below` is 0 or 1 and multiplies.
            first = threshold_starts[column]
            size = threshold_starts[column + 1] - first
            index = first
            while size > 0:
                half = (size + 1) // 2
                not_below = not inputs[row, column] < thresholds[index + half - 1]
                index += half * not_below
                size -= half
            ranks[row, column] = index - first


def _score_one_by_one(ranks, words, layout, values, starts, depths, counts, base, scores):
    """Score one listing at a time, TREE_BLOCK trees together."""
    child_shift, input_shift, input_mask, rank_mask = layout
    node = np.empty(TREE_BLOCK, words.dtype)
    for row in range(ranks.shape[0]):
        last_tree = 0
        for output in range(base.shape[0]):
            first_tree, last_tree = last_tree, last_tree + counts[output]
            total = base[output]
            for block_start in range(first_tree, last_tree, TREE_BLOCK):
                trees = min(TREE_BLOCK, last_tree - block_start)
                deepest = 0
                for k in range(trees):
                    node[k] = starts[block_start + k]
                    deepest = max(deepest, depths[block_start + k])
                for _ in range(deepest):
                    for k in range(trees):
                        word = words[node[k]]
                        rank = ranks[row, (word >> input_shift) & input_mask]
                        go_right = rank >= (word & rank_mask)
                        node[k] += (word >> child_shift) + go_right
                for k in range(trees):
                    total += values[node[k]]
            scores[row, output] = total


def _score_in_blocks(ranks, words, layout, values, starts, depths, counts, base, scores):
    """Send ROW_BLOCK listings together through one tree at a time."""
    child_shift, input_shift, input_mask, rank_mask = layout
    node = np.empty(ROW_BLOCK, words.dtype)
    block = np.empty((ROW_BLOCK, ranks.shape[1]), ranks.dtype)
    for first_row in range(0, ranks.shape[0], ROW_BLOCK):
        rows = min(ROW_BLOCK, ranks.shape[0] - first_row)
        block[:rows] = ranks[first_row : first_row + rows]
        last_tree = 0
        for output in range(base.shape[0]):
            first_tree, last_tree = last_tree, last_tree + counts[output]
            scores[first_row : first_row + rows, output] = base[output]
            for tree in range(first_tree, last_tree):
                node[:rows] = starts[tree]
                for _ in range(depths[tree]):
                    for k in range(rows):
                        word = words[node[k]]
                        column = (word >> input_shift) & input_mask
                        go_right = block[k, column] >= (word & rank_mask)
                        node[k] += (word >> child_shift) + go_right
                for k in range(rows):
                    scores[first_row + k, output] += values[node[k]]


@cache
def _compiled() -> Callable[[np.ndarray, RankedTrees], np.ndarray]:
    """The loops as machine code, from the cache on disk if they were compiled here before."""
    import numba

    uint32, int64, float32 = numba.uint32, numba.int64, numba.float32
    rank_inputs = _compile(
        _rank_inputs, [numba.void(float32[:, ::1], float32[::1], int64[::1], uint32[:, ::1])]
    )
    signatures = [
        numba.void(
            *(uint32[:, ::1], word[::1], word[::1], float32[::1]),
            *(int64[::1], int64[::1], int64[::1], float32[::1], float32[:, ::1]),
        )
        for word in (numba.uint32, numba.uint64)
    ]
    one_by_one = _compile(_score_one_by_one, signatures)
    in_blocks = _compile(_score_in_blocks, signatures)

    def score(inputs: np.ndarray, ranked: RankedTrees) -> np.ndarray:
        rows, width = inputs.shape
        ranks = np.zeros((rows, width + 1), np.uint32)  # the last column is the leaves' input
        rank_inputs(inputs, ranked.thresholds, ranked.threshold_starts, ranks)
        scores = np.empty((rows, len(ranked.trees.base)), np.float32)
        walk = one_by_one if rows <= MAX_SINGLE_ROWS else in_blocks
        walk(ranks, *ranked.trees, scores)
        return scores

    return score


def _compile(loop: Callable[..., None], signatures: list[object]) -> Callable[..., None]:
    # Without `fastmath`, which would change the order of additions. `nogil`: other threads run.
    import numba

    try:
        return numba.njit(signatures, nogil=True, cache=True, error_model="numpy")(loop)
    except RuntimeError:  # neither this folder nor the user's cache folder is writable
        log.info("no folder for compiled code (NUMBA_CACHE_DIR): compiling again in each process")
        return numba.njit(signatures, nogil=True, error_model="numpy")(loop)
