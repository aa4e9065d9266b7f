"""Saved models that must never serve: damaged on the way, or made wrong.

`damaged` no longer are what was registered. `made_wrong` have a manifest that fits: whoever wrote
them was wrong, or meant it.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vehicle_price.model import artifact, trees

Break = Callable[[Path], None]


def _flip(name: str) -> Break:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def _cut(name: str, left: float) -> Break:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * left)])

    return damage


def _one_digit(folder: Path) -> None:
    text = (folder / "facts.json").read_text("utf-8")
    place = next(i for i, letter in enumerate(text) if letter in "12345678")
    changed = text[:place] + str(int(text[place]) + 1) + text[place + 1 :]
    (folder / "facts.json").write_text(changed, "utf-8")


def prices_times(factor: float) -> Break:
    """Prices off by `factor`, intervals too: the base scores are logarithms."""

    def damage(folder: Path) -> None:
        found = trees.load(folder / "trees.npz")
        base = (found.base + np.float32(np.log(factor))).astype(np.float32)
        _save_arrays(folder, base=base)

    return damage


def _save_arrays(folder: Path, **changed: np.ndarray) -> None:
    with np.load(folder / "trees.npz") as file:
        arrays = dict(file) | changed
    np.savez(folder / "trees.npz", **arrays)


def _not_a_number(folder: Path) -> None:
    with np.load(folder / "trees.npz") as file:
        base = np.full_like(file["base"], np.nan)
    _save_arrays(folder, base=base)


def _cycle(folder: Path) -> None:
    """A walk that never arrives: the first root leads to itself."""
    with np.load(folder / "trees.npz") as file:
        nodes = np.array(file["nodes"])
    nodes["link"][0] = 0
    _save_arrays(folder, nodes=nodes)


def _grown(left: np.ndarray) -> Break:
    """The first tree is another one: each node but the last ones leads to `left` and the next."""

    def damage(folder: Path) -> None:
        with np.load(folder / "trees.npz") as file:
            known = dict(file)
        own, inputs = np.arange(len(left)), known["inputs"][0]
        tree = np.zeros(len(left), trees.NODE)
        tree["link"] = (left << trees.LINK_BITS) | np.where(left == own, inputs, 0)
        known["nodes"] = np.concatenate([tree, known["nodes"][known["sizes"][0] :]])
        known["sizes"][0] = len(tree)
        np.savez_compressed(folder / "trees.npz", **known)

    return damage


def _meeting(count: int) -> np.ndarray:
    """Each node leads to the next two, so the walks double with every few nodes."""
    own = np.arange(count)
    return np.where(own < count - 2, own + 1, own)


def _endless(steps: int) -> np.ndarray:
    """One long walk: of each pair of children, the second has children again."""
    own = np.arange(2 * steps + 1)
    return np.where((own % 2 == 0) & (own < 2 * steps), own + 1, own)


def _facts(**changed: object) -> Break:
    def damage(folder: Path) -> None:
        about = json.loads((folder / "facts.json").read_text("utf-8"))
        about["facts"] |= changed
        about["facts"] = {k: v for k, v in about["facts"].items() if v is not None}
        (folder / "facts.json").write_text(json.dumps(about), "utf-8")

    return damage


def _other_inputs(folder: Path) -> None:
    about = json.loads((folder / "facts.json").read_text("utf-8"))
    about["features"][0] = "horsepower"
    (folder / "facts.json").write_text(json.dumps(about), "utf-8")


def _no_interval(folder: Path) -> None:
    about = json.loads((folder / "facts.json").read_text("utf-8"))
    about["interval_margin"] = "wide"
    (folder / "facts.json").write_text(json.dumps(about), "utf-8")


def _tables_of_nothing(folder: Path) -> None:
    (folder / "tables.json").write_text("{}", "utf-8")


def _remove(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def _fit_manifest(folder: Path) -> None:
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
    """A model that is right in form, and takes minutes to load."""
    _grown(_endless(3_000_000))(folder)


def make_wrong(folder: Path, how: Break) -> None:
    """Change the model in `folder` and write the manifest that fits."""
    how(folder)
    _fit_manifest(folder)
