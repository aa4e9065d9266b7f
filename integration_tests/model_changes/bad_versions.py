"""Versions in a real MLflow that must not be served, and how long it takes until that is said."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import mlflow
import requests

from integration_tests.model_changes.mlflow_server import copied, registered, wait_until
from integration_tests.model_changes.stage import PATIENCE, Stage
from integration_tests.model_changes.storage_proxy import OPEN, SILENT
from unit_tests.helpers import broken_models
from vehicle_price.registry.client import MANIFEST_TAG, MODEL_NAME

REFUSED = 'vehicle_price_models_refused_total{alias="production"}'

# (stage, the files as they were registered, the version) → None
Spoil = Callable[[Stage, Path, str], None]


class Refusal(NamedTuple):
    """A bad version, and the seconds from its alias to the reason in /model and to /metrics."""

    name: str
    model: float
    metrics: float
    reason: str


def refuse_all(stage: Stage) -> Iterator[Refusal]:
    """Give each bad version the alias `production`, and wait until it is said to be refused.

    In the end version 1 has the alias again, and the storage is well.
    """
    for number, (name, spoil) in enumerate(BAD.items()):
        version = registered(stage.mlflow_url, stage.good[0])
        spoil(stage, copied(stage.good[0], stage.folder / f"bad-{number}"), version)
        yield _refused(stage, name, version)
    stage.put("production", "1")
    wait_until(lambda: stage.model()["registry"]["state"] == "ok", PATIENCE)
    stage.storage.mode = OPEN


def _refused(stage: Stage, name: str, version: str) -> Refusal:
    before, seconds = counted(stage), {}
    stage.storage.mode = STORAGE.get(name, OPEN)
    stage.put("production", version)
    began = time.monotonic()
    seen = {"model": lambda: _told(stage, version), "metrics": lambda: counted(stage) > before}

    def all_seen() -> bool:
        seconds.update(
            {
                where: time.monotonic() - began
                for where, sees in seen.items()
                if where not in seconds and sees()
            }
        )
        return len(seconds) == len(seen)

    wait_until(all_seen, PATIENCE)
    return Refusal(name, **seconds, reason=_told(stage, version))


def counted(stage: Stage) -> float:
    """How many versions of the alias `production` were refused, by /metrics."""
    lines = requests.get(f"{stage.url}/metrics", timeout=20).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(REFUSED))


def _told(stage: Stage, version: str) -> str:
    """Why this version was not taken, by /model; "" while nothing is said."""
    registry = stage.model()["registry"]
    said = (registry["state"], registry["version"]) == ("refused", version)
    return registry["detail"] if said else ""


def _stored(stage: Stage, version: str) -> Path:
    """Where MLflow keeps the files of a version."""
    run = mlflow.MlflowClient(stage.mlflow_url).get_model_version(MODEL_NAME, version).run_id
    (found,) = stage.folder.glob(f"artifacts/*/{run}/artifacts/model/artifacts/valuation")
    return found


def _damaged(how: broken_models.Break) -> Spoil:
    """The registered files are right, what the storage holds is not."""
    return lambda stage, _, version: how(_stored(stage, version))


def _made_wrong(how: broken_models.Break) -> Spoil:
    """The files are wrong, and the manifest and the registry agree with them."""

    def spoil(stage: Stage, folder: Path, version: str) -> None:
        broken_models.make_wrong(folder, how)
        place = _stored(stage, version)
        shutil.rmtree(place)
        shutil.copytree(folder, place)
        sha256 = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        client = mlflow.MlflowClient(stage.mlflow_url)
        client.set_model_version_tag(MODEL_NAME, version, MANIFEST_TAG, sha256)

    return spoil


def _nothing(*_: object) -> None:
    """The version is good: it is the storage that is not."""


# What the storage does to each download.
STORAGE = {
    "the storage answers 403": "403",
    "the storage answers 500": "500",
    "the storage falls silent in a file": SILENT,
}
BAD: dict[str, Spoil] = (
    {name: _damaged(how) for name, how in broken_models.DAMAGED.items()}
    | {name: _made_wrong(how) for name, how in broken_models.MADE_WRONG.items()}
    | {"a model that hangs when it is loaded": _made_wrong(broken_models.hanging)}
    | {"the files are gone": _damaged(shutil.rmtree)}
    | {name: _nothing for name in STORAGE}
)
