"""Trees in the form in which `scorer.py` walks them: as few bytes a node as they fit into.

A walk touches ten thousand nodes for one listing, so what it costs is mostly what it waits for
memory. An input is therefore looked up once among all thresholds that any tree compares it with;
after that a node compares small whole numbers, and its threshold, its input and its child fit into
one word of four bytes (eight, where trees are as large as those of a forest). All numbers of a walk
have the words' type: the compiler then takes many trees at once.
"""

from typing import NamedTuple

import numpy as np

from vehicle_price.model.trees import LINK_BITS, MAX_INPUTS, Trees


class Walked(NamedTuple):
    """What the walks read, in their order.

    words: uint32 or uint64, a node each: how far it is to the left child, input asked, rank of the
    threshold, from the highest bits to the lowest. layout: as words, (4,): how far to shift for the
    child and for the input, the greatest input, the greatest rank. values: float32,
    a leaf's value where it stands. starts, depths: int64, of each tree. counts: int64, trees of
    each output. base: float32, of each output.
    """

    words: np.ndarray
    layout: np.ndarray
    values: np.ndarray
    starts: np.ndarray
    depths: np.ndarray
    counts: np.ndarray
    base: np.ndarray


class Packed(NamedTuple):
    """Trees, and the thresholds that their ranks stand for.

    limits: float32, each input's thresholds in rising order, input after input. first_limit:
    int64 (inputs + 1,): where those of each input begin.
    """

    trees: Walked
    limits: np.ndarray
    first_limit: np.ndarray


def pack(trees: Trees) -> Packed:
    """`trees`, ready to be walked.

    An input's rank is how many of its thresholds are not above it; that of a threshold is its
    place among them, counted from 1. So input < threshold exactly where rank < rank. A leaf asks
    about one input more than there are, whose rank is 0, and is of rank 1: always below.
    """
    inputs = int(trees.inputs[0])
    asked = (trees.nodes["link"] & MAX_INPUTS).astype(np.int64)
    own = np.arange(len(asked)) - np.repeat(trees.starts, trees.sizes)
    child = (trees.nodes["link"] >> LINK_BITS) - own
    ranks, limits = _ranked(trees.nodes["threshold"], asked, inputs)
    input_shift = _bits(np.max(ranks, initial=1))
    child_shift = input_shift + _bits(inputs)
    kind = np.uint32 if child_shift + _bits(np.max(child, initial=0)) <= 32 else np.uint64
    words = child << child_shift | asked << input_shift | ranks
    greatest = [(1 << child_shift - input_shift) - 1, (1 << input_shift) - 1]
    walked = Walked(
        words=words.astype(kind),
        layout=np.array([child_shift, input_shift, *greatest], kind),
        values=np.where(asked == inputs, trees.nodes["threshold"], np.float32(0)),
        starts=trees.starts,
        depths=trees.depths(),
        counts=trees.counts,
        base=trees.base,
    )
    return Packed(walked, np.concatenate(limits), np.cumsum([len(each) for each in limits]))


def _ranked(
    thresholds: np.ndarray, asked: np.ndarray, inputs: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rank of each node's threshold, and the thresholds of each input after an empty array."""
    ranks, limits = np.ones(len(asked), np.int64), [np.empty(0, np.float32)]
    for column in range(inputs):
        here = asked == column
        distinct, place = np.unique(thresholds[here], return_inverse=True)
        ranks[here] = place + 1
        limits.append(distinct)
    return ranks, limits


def _bits(number: int) -> int:
    return int(number).bit_length()
