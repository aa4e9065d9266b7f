"""The trees of the boosters as plain arrays: saved with a model and scored by `scorer.py`.

XGBoost adds, as float32, the base score and then the leaf of each tree, in order. These arrays
keep that order, so a score made from them equals the booster's in every bit.
"""

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

# link: left child (counted from the tree's root) * 256 + input tested. The right child follows the
# left one. A node goes left where input < threshold. A leaf keeps its value as threshold, points to
# itself as left child and tests an extra input that always goes left, so extra steps change
# nothing, and the loops need no test for a leaf.
NODE = np.dtype([("threshold", "<f4"), ("link", "<i4")])
LINK_BITS = 8
MAX_INPUTS = 2**LINK_BITS - 1
MAX_NODES = 2 ** (31 - LINK_BITS)  # of one tree


class Booster(Protocol):
    """The method of an `xgboost.Booster` that is used here."""

    def save_raw(self, raw_format: str) -> bytearray:
        """The model in XGBoost's own format, `json`."""


@dataclass(frozen=True)
class Trees:
    """The trees of several outputs, one output after the other.

    nodes: NODE, tree after tree. sizes: int64, nodes of each tree. counts: int64, trees of each
    output. base: float32, base score of each output. inputs: int64, (1,), number of inputs.
    """

    nodes: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    base: np.ndarray
    inputs: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """int64 (trees,): index of each tree's root in `nodes`."""
        return np.cumsum(self.sizes) - self.sizes

    def depths(self) -> np.ndarray:
        """int64 (trees,): the steps from the root to the deepest leaf."""
        left, _, number = self._links()
        depths = np.zeros(len(self.sizes), np.int64)
        tree = np.arange(len(self.sizes))
        node, steps = self.starts, 0
        while len(node):
            depths[tree] = steps
            inner = left[node] != number[node]
            node, tree = node[inner], tree[inner]
            children = self.starts[tree] + left[node]
            node, tree = np.concatenate([children, children + 1]), np.tile(tree, 2)
            steps += 1
        return depths

    def check(self) -> None:
        """Raise ValueError unless every walk from a root ends in a leaf of the same tree."""
        dtypes = {"nodes": NODE, "sizes": "i8", "counts": "i8", "base": "f4", "inputs": "i8"}
        for name, dtype in dtypes.items():
            array = getattr(self, name)
            if array.dtype != np.dtype(dtype) or array.ndim != 1:
                raise ValueError(f"trees: {name} is {array.dtype} in {array.ndim} dimensions")
        complete = len(self.counts) == len(self.base) and len(self.inputs) == 1
        positive = complete and min(self.sizes, default=0) > 0 and min(self.counts, default=0) >= 0
        sums = (self.counts.sum(), self.sizes.sum())
        if not positive or sums != (len(self.sizes), len(self.nodes)):
            raise ValueError("trees: their numbers do not add up")
        self._check_links()

    def _check_links(self) -> None:
        left, input_of, number = self._links()
        leaf = input_of == self.inputs[0]
        last_number = np.repeat(self.sizes, self.sizes) - 1
        forward = (left > number) & (left < last_number) & (input_of < self.inputs[0])
        if not np.where(leaf, left == number, forward).all():
            raise ValueError("trees: a node leads out of its tree")
        inner = np.flatnonzero(~leaf)
        left_index = inner - number[inner] + left[inner]
        parents = np.bincount(np.concatenate([left_index, left_index + 1]), minlength=1)
        if parents.max() > 1:  # the number of walks would grow exponentially; `depths` would hang
            raise ValueError("trees: two nodes lead to the same one")
        if not np.isfinite(self.nodes["threshold"]).all():
            raise ValueError("trees: a value is not a number")

    def _links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each node's left child, input and number; child and number count from the tree's root."""
        number = np.arange(len(self.nodes)) - np.repeat(self.starts, self.sizes)
        return self.nodes["link"] >> LINK_BITS, self.nodes["link"] & MAX_INPUTS, number


def from_boosters(*boosters: Booster) -> Trees:
    """The trees of `boosters`, the outputs of each after those of the one before.

    The boosters are tree ensembles of numeric inputs. The direction they learnt for missing
    inputs is dropped, because no model input is ever missing.
    """
    base, trees_by_output, inputs = [], [], 0
    for booster in boosters:
        learner = json.loads(booster.save_raw("json"))["learner"]
        model, parameters = learner["gradient_booster"]["model"], learner["learner_model_param"]
        base_scores = json.loads(parameters["base_score"])
        inputs = int(parameters["num_feature"])
        base += base_scores
        trees_by_output += [
            [t for t, o in zip(model["trees"], model["tree_info"], strict=True) if o == output]
            for output in range(len(base_scores))
        ]
    nodes = [_nodes(tree, inputs) for trees in trees_by_output for tree in trees]
    ensemble = Trees(
        nodes=np.concatenate(nodes) if nodes else np.empty(0, NODE),
        sizes=np.array([len(n) for n in nodes], np.int64),
        counts=np.array([len(trees) for trees in trees_by_output], np.int64),
        base=np.array(base, np.float32),
        inputs=np.array([inputs], np.int64),
    )
    ensemble.check()
    return ensemble


def save(trees: Trees, path: Path) -> None:
    """Write `trees` into `path` (*.npz)."""
    np.savez(path, **{f.name: getattr(trees, f.name) for f in fields(trees)})


def load(path: Path) -> Trees:
    """The trees in `path`, checked. Raises ValueError, KeyError or OSError; unpickles nothing."""
    try:
        with np.load(path, allow_pickle=False) as file:
            trees = Trees(**{f.name: file[f.name] for f in fields(Trees)})
    except (zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise ValueError(f"{path}: no arrays of trees ({error})") from error
    trees.check()
    return trees


def _nodes(tree: dict, inputs: int) -> np.ndarray:
    """One tree of XGBoost's JSON as NODE; XGBoost keeps leaf values among the thresholds, too."""
    left = np.array(tree["left_children"], np.int64)
    leaf, number = left < 0, np.arange(len(left))
    right = np.array(tree["right_children"], np.int64)
    if any(tree["split_type"]) or inputs >= MAX_INPUTS or len(left) >= MAX_NODES:
        raise ValueError("only numeric inputs, and not as many, can be scored")
    if not np.where(leaf, True, right == left + 1).all():
        raise ValueError("a right child does not follow the left one")
    nodes = np.empty(len(left), NODE)
    nodes["threshold"] = tree["split_conditions"]
    input_of = np.where(leaf, inputs, tree["split_indices"])
    nodes["link"] = (np.where(leaf, number, left) << LINK_BITS) | input_of
    return nodes
