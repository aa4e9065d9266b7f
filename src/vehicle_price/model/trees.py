"""The trees of the boosters as plain arrays: saved with a model and walked by `scorer.py`.

XGBoost adds, as float32, the base score and then the leaf of each tree, in order. These arrays
keep that order, so a score made from them is the booster's to the last bit.
"""

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

# link: the left child, counted from the tree's root, times 256, plus the input asked about.
# The right child is the next one. A leaf has its value for a threshold, itself for a left child,
# and asks about one input more than there are: minus infinity, which is below every threshold.
# So a walk that has arrived goes on without moving, and needs no test for having arrived.
NODE = np.dtype([("threshold", "<f4"), ("link", "<i4")])
LINK_BITS = 8
MAX_INPUTS = 2**LINK_BITS - 1
MAX_NODES = 2 ** (31 - LINK_BITS)  # of one tree


class Booster(Protocol):
    """What is needed of an `xgboost.Booster`."""

    def save_raw(self, raw_format: str) -> bytearray:
        """The model in XGBoost's own format, `json`."""


@dataclass(frozen=True)
class Trees:
    """The trees of several outputs, one output after the other.

    nodes: NODE, tree after tree. sizes: int64, nodes of each tree. counts: int64, trees of each
    output. base: float32, base score of each output. inputs: int64, (1,), how many there are.
    """

    nodes: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    base: np.ndarray
    inputs: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """int64 (trees,): where each tree's root stands in `nodes`."""
        return np.cumsum(self.sizes) - self.sizes

    def depths(self) -> np.ndarray:
        """int64 (trees,): the steps from the root to the deepest leaf."""
        left, _, own = self._links()
        deep = np.zeros(len(self.sizes), np.int64)
        tree = np.arange(len(self.sizes))
        node, steps = self.starts, 0
        while len(node):
            deep[tree] = steps
            inner = left[node] != own[node]
            node, tree = node[inner], tree[inner]
            children = self.starts[tree] + left[node]
            node, tree = np.concatenate([children, children + 1]), np.tile(tree, 2)
            steps += 1
        return deep

    def check(self) -> None:
        """Raise ValueError unless every walk ends in a leaf of its own tree."""
        shapes = {"nodes": NODE, "sizes": "i8", "counts": "i8", "base": "f4", "inputs": "i8"}
        for name, kind in shapes.items():
            found = getattr(self, name)
            if found.dtype != np.dtype(kind) or found.ndim != 1:
                raise ValueError(f"trees: {name} is {found.dtype} in {found.ndim} dimensions")
        whole = len(self.counts) == len(self.base) and len(self.inputs) == 1
        positive = whole and min(self.sizes, default=0) > 0 and min(self.counts, default=0) >= 0
        sums = (self.counts.sum(), self.sizes.sum())
        if not positive or sums != (len(self.sizes), len(self.nodes)):
            raise ValueError("trees: their numbers do not add up")
        self._check_links()

    def _check_links(self) -> None:
        left, asked, own = self._links()
        leaf = asked == self.inputs[0]
        last = np.repeat(self.sizes, self.sizes) - 1
        forward = (left > own) & (left < last) & (asked < self.inputs[0])
        if not np.where(leaf, left == own, forward).all():
            raise ValueError("trees: a node leads out of its tree")
        inner = np.flatnonzero(~leaf)
        first = inner - own[inner] + left[inner]
        ways = np.bincount(np.concatenate([first, first + 1]), minlength=1)
        if ways.max() > 1:  # the walks through such a tree are too many to be counted
            raise ValueError("trees: two nodes lead to the same one")
        if not np.isfinite(self.nodes["threshold"]).all():
            raise ValueError("trees: a value is not a number")

    def _links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each node: its left child, its input, and its own number, both within its tree."""
        own = np.arange(len(self.nodes)) - np.repeat(self.starts, self.sizes)
        return self.nodes["link"] >> LINK_BITS, self.nodes["link"] & MAX_INPUTS, own


def from_boosters(*boosters: Booster) -> Trees:
    """The trees of `boosters`: their outputs follow each other.

    The boosters are tree ensembles of numeric inputs; the direction they learnt for missing
    inputs is not kept, because no input of ours is ever missing.
    """
    base, groups, inputs = [], [], 0
    for booster in boosters:
        learner = json.loads(booster.save_raw("json"))["learner"]
        model, about = learner["gradient_booster"]["model"], learner["learner_model_param"]
        scores = json.loads(about["base_score"])
        inputs = int(about["num_feature"])
        base += scores
        groups += [
            [t for t, o in zip(model["trees"], model["tree_info"], strict=True) if o == output]
            for output in range(len(scores))
        ]
    nodes = [_nodes(tree, inputs) for trees in groups for tree in trees]
    found = Trees(
        nodes=np.concatenate(nodes) if nodes else np.empty(0, NODE),
        sizes=np.array([len(n) for n in nodes], np.int64),
        counts=np.array([len(trees) for trees in groups], np.int64),
        base=np.array(base, np.float32),
        inputs=np.array([inputs], np.int64),
    )
    found.check()
    return found


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
    """One tree of XGBoost's JSON as NODE; it keeps a leaf's value where thresholds stand."""
    left = np.array(tree["left_children"], np.int64)
    leaf, own = left < 0, np.arange(len(left))
    right = np.array(tree["right_children"], np.int64)
    if any(tree["split_type"]) or inputs >= MAX_INPUTS or len(left) >= MAX_NODES:
        raise ValueError("only numeric inputs, and not as many, can be scored")
    if not np.where(leaf, True, right == left + 1).all():
        raise ValueError("a right child does not follow the left one")
    nodes = np.empty(len(left), NODE)
    nodes["threshold"] = tree["split_conditions"]
    asked = np.where(leaf, inputs, tree["split_indices"])
    nodes["link"] = (np.where(leaf, own, left) << LINK_BITS) | asked
    return nodes
