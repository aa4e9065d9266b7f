"""Saved models that must never serve.

DAMAGED models differ from what was registered, so their hashes do not agree. MADE_WRONG models have
a manifest that agrees: a faulty or malicious program wrote them.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vehicle_price.model import artifact, golden_set, trees

Break = Callable[[Path], None]


def _flip(name: str) -> Break:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def _cut(name: str, share: float) -> Break:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return damage


def _one_digit(folder: Path) -> None:
    text = (folder / "facts.json").read_text("utf-8")
    index = next(i for i, letter in enumerate(text) if letter in "12345678")
    changed = text[:index] + str(int(text[index]) + 1) + text[index + 1 :]
    (folder / "facts.json").write_text(changed, "utf-8")


def prices_times(factor: float) -> Break:
    """Multiply prices and intervals by `factor`: the base scores are logarithms."""

    def damage(folder: Path) -> None:
        ensemble = trees.load(folder / "trees.npz")
        base = (ensemble.base + np.float32(np.log(factor))).astype(np.float32)
        _save_arrays(folder, base=base)
        rewrite_golden(folder)

    return damage


def rewrite_golden(folder: Path) -> None:
    """Record the golden listings anew, as the program would that wrote such a model."""
    (folder / artifact.GOLDEN).unlink()  # it does not agree any more
    kept = golden_set.record(artifact.read(folder))
    (folder / artifact.GOLDEN).write_text(json.dumps(kept), "utf-8")


def _save_arrays(folder: Path, **changed: np.ndarray) -> None:
    with np.load(folder / "trees.npz") as file:
        arrays = dict(file) | changed
    np.savez(folder / "trees.npz", **arrays)


def _not_a_number(folder: Path) -> None:
    with np.load(folder / "trees.npz") as file:
        base = np.full_like(file["base"], np.nan)
    _save_arrays(folder, base=base)


def _cycle(folder: Path) -> None:
    """A walk without an end: the first root leads to itself."""
    with np.load(folder / "trees.npz") as file:
        nodes = np.array(file["nodes"])
    nodes["link"][0] = 0
    _save_arrays(folder, nodes=nodes)


def _grown(left_child: np.ndarray) -> Break:
    """Replace the first tree: each inner node leads to its `left_child` and the node after that."""

    def damage(folder: Path) -> None:
        with np.load(folder / "trees.npz") as file:
            arrays = dict(file)
        number, inputs = np.arange(len(left_child)), arrays["inputs"][0]
        tree = np.zeros(len(left_child), trees.NODE)
        tree["link"] = (left_child << trees.LINK_BITS) | np.where(left_child == number, inputs, 0)
        arrays["nodes"] = np.concatenate([tree, arrays["nodes"][arrays["sizes"][0] :]])
        arrays["sizes"][0] = len(tree)
        np.savez_compressed(folder / "trees.npz", **arrays)

    return damage


def _meeting(count: int) -> np.ndarray:
    """Each node leads to the next two, so the number of walks grows exponentially."""
    number = np.arange(count)
    return np.where(number < count - 2, number + 1, number)


def _endless(steps: int) -> np.ndarray:
    """A single long walk: of each pair of children, only the second has children."""
    number = np.arange(2 * steps + 1)
    return np.where((number % 2 == 0) & (number < 2 * steps), number + 1, number)


def _facts(**changed: object) -> Break:
    def damage(folder: Path) -> None:
        facts = json.loads((folder / "facts.json").read_text("utf-8"))
        facts["facts"] |= changed
        facts["facts"] = {k: v for k, v in facts["facts"].items() if v is not None}
        (folder / "facts.json").write_text(json.dumps(facts), "utf-8")

    return damage


def _other_inputs(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    facts["features"][0] = "horsepower"
    (folder / "facts.json").write_text(json.dumps(facts), "utf-8")


def _no_interval(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    facts["interval_margin"] = "wide"
    (folder / "facts.json").write_text(json.dumps(facts), "utf-8")


def _tables_of_nothing(folder: Path) -> None:
    (folder / "tables.json").write_text("{}", "utf-8")


def _remove(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def _rewrite_manifest(folder: Path) -> None:
    hashes = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in artifact.FILES}
    content = {"format": artifact.FORMAT, "sha256": hashes}
    (folder / artifact.MANIFEST).write_text(json.dumps(content), "utf-8")


DAMAGED: dict[str, Break] = {
    "trees cut in half": _cut("trees.npz", 0.5),
    "tables cut in half": _cut("tables.json", 0.5),
    "empty trees": _cut("trees.npz", 0),
    "one bit of the trees flipped": _flip("trees.npz"),
    "one bit of the tables flipped": _flip("tables.json"),
    "one bit of the facts flipped": _flip("facts.json"),
    "one bit of the seen cars flipped": _flip("seen_cars.npy"),
    "one digit changed": _one_digit,
    "no trees": _remove("trees.npz"),
    "no manifest": _remove(artifact.MANIFEST),
}
MADE_WRONG: dict[str, Break] = {
    "prices times 100": prices_times(100),
    "prices times 10": prices_times(10),
    "prices divided by 10": prices_times(0.1),
    "not a number": _not_a_number,
    "a walk without an end": _cycle,
    "walks that meet, too many to count": _grown(_meeting(99)),
    "other inputs": _other_inputs,
    "no coverage": _facts(coverage=None),
    "an interval of words": _no_interval,
    "tables of nothing": _tables_of_nothing,
}


def hanging(folder: Path) -> None:
    """Make the model valid in form, but so deep that it takes minutes to load."""
    _grown(_endless(3_000_000))(folder)


def make_wrong(folder: Path, damage: Break) -> None:
    """Change the model in `folder` and write a manifest that agrees."""
    damage(folder)
    _rewrite_manifest(folder)
