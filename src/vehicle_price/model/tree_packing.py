"""Rank encoding of the trees: each node in one word of 4 or 8 bytes, for `scorer.py`.

A score reads ten thousand nodes, so it costs what the memory accesses cost. Each input is therefore
looked up once among all thresholds that any tree compares it with. After that a node compares small
integers, and its threshold, its input and its child fit into one word of 4 bytes (8 bytes, where
trees are as large as those of a forest). All integers of a walk have the type of the words, so that
the compiler vectorises over trees.
"""

from typing import NamedTuple

import numpy as np

from vehicle_price.model.trees import LINK_BITS, MAX_INPUTS, Trees


class PackedTrees(NamedTuple):
    """The arrays that the compiled functions of `scorer.py` take, in the order of their parameters.

    words: uint32 or uint64, one per node; from the highest bits to the lowest: offset from the node
    to its left child, input, rank of the threshold. layout: type of the words, (4,): shift of the
    child, shift of the input, mask of the input, mask of the rank. values: float32, one per node:
    a leaf's value, 0 elsewhere. starts, depths: int64, of each tree. counts: int64, trees of each
    output. base: float32, base score of each output.
    """

    words: np.ndarray
    layout: np.ndarray
    values: np.ndarray
    starts: np.ndarray
    depths: np.ndarray
    counts: np.ndarray
    base: np.ndarray


class RankedTrees(NamedTuple):
    """Packed trees, and the thresholds that their ranks stand for.

    thresholds: float32, the distinct thresholds of each input in rising order, input after input.
    threshold_starts: int64 (inputs + 1,): where those of each input begin, and the end.
    """

    trees: PackedTrees
    thresholds: np.ndarray
    threshold_starts: np.ndarray


def rank_encode(trees: Trees) -> RankedTrees:
    """`trees` with each float replaced by its index in the sorted thresholds of its input.

    A threshold's rank is its index, counted from 1; an input's rank is the number of thresholds
    that are not above it. So input < threshold exactly where rank < rank: comparing ranks gives the
    same result as comparing floats. A leaf tests an extra input of rank 0 against rank 1: a walk
    goes left there, to the leaf itself.
    """
    input_count = int(trees.inputs[0])
    input_of = (trees.nodes["link"] & MAX_INPUTS).astype(np.int64)
    node_number = np.arange(len(input_of)) - np.repeat(trees.starts, trees.sizes)
    child_offset = (trees.nodes["link"] >> LINK_BITS) - node_number
    ranks, thresholds = _ranks(trees.nodes["threshold"], input_of, input_count)
    input_shift = _bit_length(np.max(ranks, initial=1))
    child_shift = input_shift + _bit_length(input_count)
    word_bits = child_shift + _bit_length(np.max(child_offset, initial=0))
    word_type = np.uint32 if word_bits <= 32 else np.uint64
    words = child_offset << child_shift | input_of << input_shift | ranks
    masks = [(1 << child_shift - input_shift) - 1, (1 << input_shift) - 1]
    packed = PackedTrees(
        words=words.astype(word_type),
        layout=np.array([child_shift, input_shift, *masks], word_type),
        values=np.where(input_of == input_count, trees.nodes["threshold"], np.float32(0)),
        starts=trees.starts,
        depths=trees.depths(),
        counts=trees.counts,
        base=trees.base,
    )
    threshold_starts = np.cumsum([len(of_input) for of_input in thresholds])
    return RankedTrees(packed, np.concatenate(thresholds), threshold_starts)


def _ranks(
    node_thresholds: np.ndarray, input_of: np.ndarray, input_count: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rank of each node's threshold, and the thresholds of each input after an empty array."""
    ranks, thresholds = np.ones(len(input_of), np.int64), [np.empty(0, np.float32)]
    for column in range(input_count):
        nodes = input_of == column
        distinct, index = np.unique(node_thresholds[nodes], return_inverse=True)
        ranks[nodes] = index + 1
        thresholds.append(distinct)
    return ranks, thresholds


def _bit_length(number: int) -> int:
    return int(number).bit_length()
