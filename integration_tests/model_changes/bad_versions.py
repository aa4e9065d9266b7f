"""Versions in a real MLflow that must not be served, and the time until each is refused."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import mlflow
import requests

from integration_tests.helpers.mlflow_server import copy_artifact, register_version
from integration_tests.helpers.waiting import wait_until
from integration_tests.model_changes.harness import ModelChangeHarness
from integration_tests.model_changes.storage_proxy import OPEN, SILENT
from unit_tests.helpers import broken_models
from vehicle_price.registry.names import MANIFEST_TAG, MODEL_NAME

REFUSED = 'vehicle_price_models_refused_total{alias="production"}'

# (harness, a copy of the files as they were registered, the version) → None
Damage = Callable[[ModelChangeHarness, Path, str], None]


class Refusal(NamedTuple):
    """A bad version, the reason in /model, and the seconds until /model and /metrics showed it."""

    name: str
    model: float
    metrics: float
    reason: str


def refuse_all(harness: ModelChangeHarness) -> Iterator[Refusal]:
    """Give each bad version the alias `production`, and wait until its refusal is reported.

    In the end version 1 has the alias again, and the storage works.
    """
    for number, (name, damage) in enumerate(BAD.items()):
        version = register_version(harness.mlflow_url, harness.good[0])
        damage(harness, copy_artifact(harness.good[0], harness.folder / f"bad-{number}"), version)
        yield _refuse(harness, name, version)
    harness.set_alias("production", "1")
    wait_until(lambda: harness.model()["registry"]["state"] == "ok")
    harness.storage.mode = OPEN


def _refuse(harness: ModelChangeHarness, name: str, version: str) -> Refusal:
    before = refused_count(harness)
    harness.storage.mode = STORAGE.get(name, OPEN)
    harness.set_alias("production", version)
    started = time.monotonic()
    reported = {
        "model": lambda: _reason(harness, version),
        "metrics": lambda: refused_count(harness) > before,
    }
    seconds: dict[str, float] = {}

    def all_reported() -> bool:
        for route in reported.keys() - seconds.keys():
            if reported[route]():
                seconds[route] = time.monotonic() - started
        return len(seconds) == len(reported)

    wait_until(all_reported)
    return Refusal(name, **seconds, reason=_reason(harness, version))


def refused_count(harness: ModelChangeHarness) -> float:
    """How many versions with the alias `production` were refused, by /metrics."""
    lines = requests.get(f"{harness.url}/metrics", timeout=20).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(REFUSED))


def _reason(harness: ModelChangeHarness, version: str) -> str:
    """Why this version was refused, by /model; "" while it is not reported."""
    registry = harness.model()["registry"]
    refused = (registry["state"], registry["version"]) == ("refused", version)
    return registry["detail"] if refused else ""


def _stored(harness: ModelChangeHarness, version: str) -> Path:
    """Where MLflow keeps the files of a version."""
    run = mlflow.MlflowClient(harness.mlflow_url).get_model_version(MODEL_NAME, version).run_id
    (folder,) = harness.folder.glob(f"artifacts/*/{run}/artifacts/model/artifacts/valuation")
    return folder


def _damaged(how: broken_models.Break) -> Damage:
    """Damage the files in the storage: they no longer agree with the manifest and the registry."""
    return lambda harness, _, version: how(_stored(harness, version))


def _made_wrong(how: broken_models.Break) -> Damage:
    """Replace the files by wrong ones, with which the manifest and the registry agree."""

    def damage(harness: ModelChangeHarness, folder: Path, version: str) -> None:
        broken_models.make_wrong(folder, how)
        stored = _stored(harness, version)
        shutil.rmtree(stored)
        shutil.copytree(folder, stored)
        sha256 = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        client = mlflow.MlflowClient(harness.mlflow_url)
        client.set_model_version_tag(MODEL_NAME, version, MANIFEST_TAG, sha256)

    return damage


def _undamaged(*_: object) -> None:
    """Leave the version as it is: only the storage fails."""


# The mode of the storage proxy.
STORAGE = {
    "the storage answers 403": "403",
    "the storage answers 500": "500",
    "the storage falls silent in a file": SILENT,
}
BAD: dict[str, Damage] = (
    {name: _damaged(how) for name, how in broken_models.DAMAGED.items()}
    | {name: _made_wrong(how) for name, how in broken_models.MADE_WRONG.items()}
    | {"a model that hangs when it is loaded": _made_wrong(broken_models.hanging)}
    | {"the files are gone": _damaged(shutil.rmtree)}
    | {name: _undamaged for name in STORAGE}
)
