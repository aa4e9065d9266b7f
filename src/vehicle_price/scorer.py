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

from vehicle_price.trees import LINK_BITS, MAX_INPUTS, NODE, Trees

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 64  # trees, for one listing
BLOCK = 64  # listings that go through a tree together
FEW = 8  # listings, up to which one at a time is faster


class Scorer:
    """The trees of a model, ready to be walked."""

    def __init__(self, trees: Trees) -> None:
        self.trees = trees
        self._arrays = (trees.nodes, trees.starts, trees.depths(), trees.counts, trees.base)

    def score(self, inputs: np.ndarray) -> np.ndarray:
        """float32 (rows, outputs) for float32 (rows, inputs), C order; equal to the booster's.

        Other threads may run meanwhile.
        """
        rows, width = inputs.shape
        if width != self.trees.inputs[0]:
            raise ValueError(f"{width} inputs, need {self.trees.inputs[0]}")
        scores = np.empty((rows, len(self.trees.base)), np.float32)
        _compiled()(inputs, *self._arrays, scores)
        return scores


def prepare() -> None:
    """Compile the loops now; before a fork, so that the processes share the compiler's memory."""
    _compiled()


# Numba compiles one function with everything in it best.
# pylint: disable=too-many-locals, too-many-positional-arguments


def _few(inputs, nodes, starts, depths, counts, base, scores):
    """One listing at a time, SIDE_BY_SIDE trees at a time."""
    width = inputs.shape[1]
    asked = np.full(width + 1, -np.inf, np.float32)
    place = np.empty(SIDE_BY_SIDE, np.int64)
    for row in range(inputs.shape[0]):
        asked[:width] = inputs[row]
        last = 0
        for output in range(base.shape[0]):
            first, last = last, last + counts[output]
            total = base[output]
            for start in range(first, last, SIDE_BY_SIDE):
                side = min(SIDE_BY_SIDE, last - start)
                deepest = 0
                for k in range(side):
                    place[k] = 0
                    deepest = max(deepest, depths[start + k])
                for _ in range(deepest):
                    for k in range(side):
                        node = nodes[starts[start + k] + place[k]]
                        below = asked[node["link"] & MAX_INPUTS] < node["threshold"]
                        place[k] = (node["link"] >> LINK_BITS) + (0 if below else 1)
                for k in range(side):
                    total += nodes[starts[start + k] + place[k]]["threshold"]
            scores[row, output] = total


def _many(inputs, nodes, starts, depths, counts, base, scores):
    """One tree at a time, BLOCK listings at a time."""
    width = inputs.shape[1]
    asked = np.full((BLOCK, width + 1), -np.inf, np.float32)
    place = np.empty(BLOCK, np.int64)
    for first in range(0, inputs.shape[0], BLOCK):
        rows = min(BLOCK, inputs.shape[0] - first)
        asked[:rows, :width] = inputs[first : first + rows]
        last_tree = 0
        for output in range(base.shape[0]):
            first_tree, last_tree = last_tree, last_tree + counts[output]
            scores[first : first + rows, output] = base[output]
            for tree in range(first_tree, last_tree):
                start = starts[tree]
                place[:rows] = 0
                for _ in range(depths[tree]):
                    for k in range(rows):
                        node = nodes[start + place[k]]
                        below = asked[k, node["link"] & MAX_INPUTS] < node["threshold"]
                        place[k] = (node["link"] >> LINK_BITS) + (0 if below else 1)
                for k in range(rows):
                    scores[first + k, output] += nodes[start + place[k]]["threshold"]


@cache
def _compiled() -> Callable[..., None]:
    """Both loops as machine code, taken from the cache on disk if this machine made it before."""
    import numba

    node, size = numba.from_dtype(NODE), numba.int64[::1]
    single = numba.float32
    signature = numba.void(single[:, ::1], node[::1], size, size, size, single[::1], single[:, ::1])
    few, many = (_compile(signature, loop) for loop in (_few, _many))

    def score(inputs: np.ndarray, *arrays: np.ndarray) -> None:
        (few if len(inputs) <= FEW else many)(inputs, *arrays)

    return score


def _compile(signature: object, loop: Callable[..., None]) -> Callable[..., None]:
    # No `fastmath`: it would add in another order. `nogil` lets other threads run.
    import numba

    try:
        return numba.njit(signature, nogil=True, cache=True, error_model="numpy")(loop)
    except RuntimeError:  # neither this folder nor the user's can be written to
        log.info("no folder for compiled code (NUMBA_CACHE_DIR): compiling again in each process")
        return numba.njit(signature, nogil=True, error_model="numpy")(loop)
