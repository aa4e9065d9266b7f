"""Walk the trees: the one way in which this project makes a score, for one listing or many.

XGBoost's `inplace_predict` takes milliseconds for a single row, because every call prepares
itself anew for all trees, and more time per row than needed for many. These few loops are
compiled by Numba on first use; setup/decisions/0015-compiled-scorer.md has the figures.

A walk waits for memory at each step, so several go side by side: for one listing in several
trees, for many listings in one tree. Both add the leaves in the same order.
"""

import logging
from collections.abc import Callable
from functools import cache

import numpy as np

from vehicle_price.model.tree_packing import Packed, pack
from vehicle_price.model.trees import Trees

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 64  # trees, for one listing
BLOCK = 64  # listings that go through a tree together
FEW = 8  # listings, up to which one at a time is faster


class Scorer:
    """The trees of a model, ready to be walked."""

    def __init__(self, trees: Trees) -> None:
        self._packed = pack(trees)

    def score(self, inputs: np.ndarray) -> np.ndarray:
        """float32 (rows, outputs) for float32 (rows, inputs), C order; equal to the booster's.

        Other threads may run meanwhile.
        """
        width = inputs.shape[1]
        wanted = len(self._packed.first_limit) - 1
        if width != wanted:
            raise ValueError(f"{width} inputs, need {wanted}")
        return _compiled()(inputs, self._packed)


def prepare() -> None:
    """Compile the loops now; before a fork, so that the processes share the compiler's memory."""
    _compiled()


# Numba compiles one function with everything in it best.
# pylint: disable=too-many-arguments, too-many-locals, too-many-positional-arguments


def _rank(inputs, limits, first_limit, ranks):
    """How many thresholds of its input each value is not below; all, if it is no number."""
    for row in range(inputs.shape[0]):
        for column in range(inputs.shape[1]):
            # Without a branch that nobody could predict: halves are skipped by multiplication.
            first, left = first_limit[column], first_limit[column + 1] - first_limit[column]
            place = first
            while left > 0:
                half = (left + 1) // 2
                above = not inputs[row, column] < limits[place + half - 1]
                place += half * above
                left -= half
            ranks[row, column] = place - first


def _few(ranks, words, layout, values, starts, depths, counts, base, scores):
    """One listing at a time, SIDE_BY_SIDE trees at a time."""
    child_shift, input_shift, last_input, most = layout
    place = np.empty(SIDE_BY_SIDE, words.dtype)
    for row in range(ranks.shape[0]):
        last = 0
        for output in range(base.shape[0]):
            first, last = last, last + counts[output]
            total = base[output]
            for start in range(first, last, SIDE_BY_SIDE):
                side = min(SIDE_BY_SIDE, last - start)
                deepest = 0
                for k in range(side):
                    place[k] = starts[start + k]
                    deepest = max(deepest, depths[start + k])
                for _ in range(deepest):
                    for k in range(side):
                        word = words[place[k]]
                        above = ranks[row, (word >> input_shift) & last_input] >= (word & most)
                        place[k] += (word >> child_shift) + above
                for k in range(side):
                    total += values[place[k]]
            scores[row, output] = total


def _many(ranks, words, layout, values, starts, depths, counts, base, scores):
    """One tree at a time, BLOCK listings at a time."""
    child_shift, input_shift, last_input, most = layout
    place = np.empty(BLOCK, words.dtype)
    block = np.empty((BLOCK, ranks.shape[1]), ranks.dtype)
    for first in range(0, ranks.shape[0], BLOCK):
        rows = min(BLOCK, ranks.shape[0] - first)
        block[:rows] = ranks[first : first + rows]
        last_tree = 0
        for output in range(base.shape[0]):
            first_tree, last_tree = last_tree, last_tree + counts[output]
            scores[first : first + rows, output] = base[output]
            for tree in range(first_tree, last_tree):
                place[:rows] = starts[tree]
                for _ in range(depths[tree]):
                    for k in range(rows):
                        word = words[place[k]]
                        asked = (word >> input_shift) & last_input
                        above = block[k, asked] >= (word & most)
                        place[k] += (word >> child_shift) + above
                for k in range(rows):
                    scores[first + k, output] += values[place[k]]


@cache
def _compiled() -> Callable[[np.ndarray, Packed], np.ndarray]:
    """The loops as machine code, taken from the cache on disk if this machine made it before."""
    import numba

    short, size, single = numba.uint32, numba.int64, numba.float32
    rank = _compile(_rank, [numba.void(single[:, ::1], single[::1], size[::1], short[:, ::1])])
    walks = [
        numba.void(
            *(short[:, ::1], word[::1], word[::1], single[::1]),
            *(size[::1], size[::1], size[::1], single[::1], single[:, ::1]),
        )
        for word in (numba.uint32, numba.uint64)
    ]
    few, many = _compile(_few, walks), _compile(_many, walks)

    def score(inputs: np.ndarray, packed: Packed) -> np.ndarray:
        rows, width = inputs.shape
        ranks = np.zeros((rows, width + 1), np.uint32)
        rank(inputs, packed.limits, packed.first_limit, ranks)
        scores = np.empty((rows, len(packed.trees.base)), np.float32)
        (few if rows <= FEW else many)(ranks, *packed.trees, scores)
        return scores

    return score


def _compile(loop: Callable[..., None], signatures: list[object]) -> Callable[..., None]:
    # No `fastmath`: it would add in another order. `nogil` lets other threads run.
    import numba

    try:
        return numba.njit(signatures, nogil=True, cache=True, error_model="numpy")(loop)
    except RuntimeError:  # neither this folder nor the user's can be written to
        log.info("no folder for compiled code (NUMBA_CACHE_DIR): compiling again in each process")
        return numba.njit(signatures, nogil=True, error_model="numpy")(loop)
