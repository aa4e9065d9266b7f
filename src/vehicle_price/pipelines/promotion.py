"""Decide which registered version serves: the promotion gate over the registry's versions.

Arguments are addresses and small values, and the result is a small JSON-able dict, so that the
step can run on any machine and again.
"""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vehicle_price.evaluation import gate
from vehicle_price.model import artifact, golden_set, trial
from vehicle_price.model.valuation import Valuation
from vehicle_price.registry import runs
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import (
    MANIFEST_TAG,
    PREVIOUS,
    PRICE_JUMP_ACCEPTED,
    PRICE_JUMP_TAG,
    PRODUCTION,
)
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.split import Split, split_by_time

log = logging.getLogger(__name__)

TRIAL_SECONDS = 60.0


class CheckedModel(NamedTuple):
    """A registered version that passed its trial. golden_prices: of `golden_set.LISTINGS`."""

    version: ModelVersion
    valuation: Valuation
    golden_prices: list[int]


def run_gate(settings: Settings, dataset_uri: str, versions: list[str]) -> dict:
    """Measure `versions` and the production model, promote the best if it is really better.

    Returns the decision (`gate.Decision.as_dict`), which is stored in MLflow too.
    """
    registry = Registry(settings.mlflow_tracking_uri)
    cars = split_by_time(read_listings(dataset_uri))
    serving = registry.version(PRODUCTION)
    if serving and serving.version in versions:
        # A retry of a gate that has promoted already: compare with what served before it.
        serving = registry.version(PREVIOUS)
    decision = _decide(registry, cars, versions, serving)
    decision["production"] = serving.version if serving else None
    runs.record_decision(registry, versions, decision)
    if decision["promoted"]:
        registry.promote(decision["version"])
    for reason in decision["reasons"]:
        log.info("gate: %s", reason)
    return decision


def fetch_checked(registry: Registry, version: ModelVersion, folder: Path) -> CheckedModel:
    """Fetch a version, try it in a child process as the service does, then load it into this one.

    Raises ArtifactError or TrialTimeout when it fails its trial, and RegistryError.
    """
    files = registry.fetch(version, folder / version.version)
    golden_prices = trial.try_out(files, version.tags.get(MANIFEST_TAG), TRIAL_SECONDS)
    return CheckedModel(version, artifact.load(files), golden_prices)


def _decide(
    registry: Registry, cars: Split, versions: list[str], serving: ModelVersion | None
) -> dict:
    """The gate's decision on `versions` against `serving`, as the registry holds them."""
    with tempfile.TemporaryDirectory() as temporary:
        candidates = [registry.version_by_number(number) for number in versions]
        challengers, unusable = _fetch_usable(registry, candidates, Path(temporary))
        production, lost = _fetch_usable(registry, [serving] if serving else [], Path(temporary))
        rival = next(iter(production.values()), None)
        decision = gate.decide(
            {number: model.valuation for number, model in challengers.items()},
            rival.valuation if rival else None,
            cars.train,
            cars.test,
        ).as_dict()
    if jump := _price_jump(challengers.get(decision["version"]), rival):
        decision["promoted"] = False
        decision["reasons"].append(f"refused: {jump}")
    decision["version"] = decision["version"] or versions[0]
    decision["reasons"] = [*unusable, *lost, *decision["reasons"]]
    return decision


def _fetch_usable(
    registry: Registry, versions: list[ModelVersion], folder: Path
) -> tuple[Mapping[str, CheckedModel], list[str]]:
    """The models that pass their trial by number, and why the others do not.

    A broken model must not stop the gate.
    """
    usable, reasons = {}, []
    for version in versions:
        try:
            usable[version.version] = fetch_checked(registry, version, folder)
        except (artifact.ArtifactError, trial.TrialTimeout) as error:
            reasons.append(f"version {version.version} cannot be used: {error}")
    return usable, reasons


def _price_jump(best: CheckedModel | None, rival: CheckedModel | None) -> str:
    """Why the service would refuse `best` after `rival` for its golden prices; "" if it would not.

    The same comparison as the service's, made before an alias moves.
    """
    if best is None or rival is None:
        return ""
    if best.version.tags.get(PRICE_JUMP_TAG) == PRICE_JUMP_ACCEPTED:
        return ""
    try:
        golden_set.compare(best.golden_prices, rival.golden_prices)
    except golden_set.GoldenSetError as error:
        return str(error)
    return ""
