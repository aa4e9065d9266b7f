"""A valuation on disk: save it, check its hashes, load it. `trial.py` tries it before it serves."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from vehicle_price.error_text import first_line
from vehicle_price.features.definitions import FEATURE_NAMES, Tables
from vehicle_price.model import golden_set, trees
from vehicle_price.model.scorer import Scorer
from vehicle_price.model.valuation import FittedValuation, Valuation

MANIFEST, GOLDEN = "manifest.json", "golden.json"
FORMAT = 3
# The boosters are for explanations and other tools; prices come from trees.npz.
BOOSTERS = {"price.ubj": "price_booster", "interval.ubj": "interval_booster"}
FILES = ("tables.json", "facts.json", "trees.npz", *BOOSTERS, "seen_cars.npy", GOLDEN)
# The formats that can be loaded. Format 2, of the release before, kept no golden listings.
FILES_OF_FORMAT = {2: tuple(name for name in FILES if name != GOLDEN), FORMAT: FILES}


class ArtifactError(ValueError):
    """A saved model is not what was written, or does not price sensibly; the message says why."""


def save(valuation: FittedValuation, folder: Path) -> str:
    """Write `valuation` into `folder`, which must not exist. Returns the manifest's SHA-256."""
    folder.mkdir(parents=True)
    _write_json(folder / "tables.json", asdict(valuation.tables))
    facts = {"interval_margin": valuation.interval_margin, "features": list(FEATURE_NAMES)}
    _write_json(folder / "facts.json", facts | {"facts": valuation.facts})
    trees.save(valuation.trees, folder / "trees.npz")
    for name, attribute in BOOSTERS.items():
        (folder / name).write_bytes(getattr(valuation, attribute).save_raw("ubj"))
    np.save(folder / "seen_cars.npy", valuation.seen_cars)
    _write_json(folder / GOLDEN, golden_set.record(valuation))
    hashes = {name: _sha256(folder / name) for name in FILES}
    _write_json(folder / MANIFEST, {"format": FORMAT, "sha256": hashes})
    return _sha256(folder / MANIFEST)


def load(folder: Path, manifest_sha256: str | None = None) -> Valuation:
    """The valuation in `folder`, every file's hash checked before anything is parsed.

    manifest_sha256: the value that `save` returned and the registry keeps; None to skip that check.
    Raises ArtifactError.
    """
    check_hashes(folder, manifest_sha256)
    try:
        valuation = read(folder)
        if (folder / GOLDEN).exists():
            golden_set.check_record(valuation, json.loads((folder / GOLDEN).read_text("utf-8")))
        return valuation
    except golden_set.GoldenSetError as error:
        raise ArtifactError(f"{folder}: {error}") from error
    # The hashes agree, so files and manifest were both written by another program.
    except (ValueError, LookupError, TypeError, AttributeError, OSError, EOFError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"{folder}: unreadable ({first_line(error)})") from error


def read(folder: Path) -> Valuation:
    """The valuation in `folder` without any check, for `load` and for tools that rewrite models."""
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    if facts["features"] != list(FEATURE_NAMES):
        raise ArtifactError(f"{folder}: made for other model inputs; train again with this version")
    seen_cars = np.load(folder / "seen_cars.npy", allow_pickle=False)
    if seen_cars.dtype != np.uint64:
        raise ArtifactError(f"{folder}: seen_cars.npy holds {seen_cars.dtype}, need uint64")
    return Valuation(
        tables=Tables(**json.loads((folder / "tables.json").read_text("utf-8"))),
        scorer=Scorer(trees.load(folder / "trees.npz")),
        interval_margin=facts["interval_margin"],
        facts=facts["facts"],
        seen_cars=seen_cars,
    )


def check_hashes(folder: Path, manifest_sha256: str | None) -> None:
    """Raise ArtifactError unless every file in `folder` is what `save` wrote."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtifactError(f"{folder}: no {MANIFEST}; not a saved model")
    if manifest_sha256 and _sha256(path) != manifest_sha256:
        raise ArtifactError(f"{path}: not the manifest that was registered")
    try:
        manifest = json.loads(path.read_text("utf-8"))
        file_format, hashes = manifest["format"], dict(manifest["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path}: damaged ({error})") from error
    files = FILES_OF_FORMAT.get(file_format) if isinstance(file_format, int) else None
    if files is None:
        message = f"{path}: format {file_format!r}, need {FORMAT}; train again (make retrain)"
        raise ArtifactError(message)
    if set(hashes) != set(files):
        raise ArtifactError(f"{path}: lists {sorted(hashes)}, need {sorted(files)}")
    for name in files:
        if not (folder / name).is_file():
            raise ArtifactError(f"{folder / name}: missing")
        if _sha256(folder / name) != hashes[name]:
            raise ArtifactError(f"{folder / name}: not what was written (SHA-256 differs)")


def is_intact(folder: Path, manifest_sha256: str | None) -> bool:
    """Whether every file in `folder` is what `save` wrote."""
    try:
        check_hashes(folder, manifest_sha256)
    except (ArtifactError, OSError):
        return False
    return True


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
