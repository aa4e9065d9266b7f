"""The steps of the main job, for the command line and the DAGs alike.

Each takes addresses and small values and returns a small JSON-able dict, so that steps can run
on different machines and again.
"""

import logging
import os
import subprocess
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from vehicle_price.contract import report_html
from vehicle_price.evaluation import gate, plots
from vehicle_price.evaluation.metrics import baseline_prices, coverage, metrics, slices
from vehicle_price.model import artifact
from vehicle_price.model.valuation import Valuation
from vehicle_price.pipelines import contract_reports
from vehicle_price.pipelines.ingestion import ingest
from vehicle_price.registry import runs
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import (
    CODE_COMMIT_TAG,
    DATA_HASH_TAG,
    DATA_SPAN_TAG,
    FAMILY_TAG,
    PREVIOUS,
    PRODUCTION,
    REPORT_TAG,
    STARTED_BY_TAG,
)
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.training.fit import Split, fit, split

__all__ = ["code_commit", "fetch_checked", "ingest", "publish_report", "run_gate", "train_family"]

log = logging.getLogger(__name__)

EXAMPLES = 5


def publish_report(settings: Settings, report_uri: str) -> str:
    """Log the contract report of an ingest to MLflow; its address there, for people.

    Publishing it again changes nothing. Raises StorageError and RegistryError.
    """
    report = contract_reports.read(report_uri)
    registry = Registry(settings.mlflow_tracking_uri)
    return runs.keep_report(registry, report_uri, report, report_html.html(report))


def train_family(settings: Settings, dataset_uri: str, family: str, seed: int) -> dict:
    """Fit one family on a dataset, measure it on later, unseen cars, and register it.

    Returns family, version, run_id and metrics.
    """
    dataset = asdict(open_dataset(dataset_uri))
    halves = split(read_listings(dataset_uri))
    valuation = fit(halves.train, family, seed, settings.train_threads)
    prices = valuation.price_frame(halves.test)
    figures = _metrics(halves, prices)
    facts = {"data": dataset, "metrics": figures, "code_commit": code_commit(settings)}
    valuation = replace(valuation, facts=valuation.facts | facts)
    record = _record(settings, valuation, halves, prices)
    log.info(record.summary)
    version = runs.register(Registry(settings.mlflow_tracking_uri), valuation, record)
    return {
        "family": family,
        "version": version.version,
        "run_id": version.run_id,
        "metrics": figures,
    }


def run_gate(settings: Settings, dataset_uri: str, versions: list[str]) -> dict:
    """Measure `versions` and the production model, promote the best if it is really better.

    Returns the decision (`gate.Decision.as_dict`), which is stored in MLflow too.
    """
    registry = Registry(settings.mlflow_tracking_uri)
    halves = split(read_listings(dataset_uri))
    serving = registry.version(PRODUCTION)
    if serving and serving.version in versions:
        # This gate has run before and its answer was lost: again compare with what served then.
        serving = registry.version(PREVIOUS)
    decision = _decide(registry, halves, versions, serving)
    decision["production"] = serving.version if serving else None
    runs.record_decision(registry, versions, decision)
    if decision["promoted"]:
        registry.promote(decision["version"])
    for reason in decision["reasons"]:
        log.info("gate: %s", reason)
    return decision


def _decide(
    registry: Registry, halves: Split, versions: list[str], serving: ModelVersion | None
) -> dict:
    """The gate's decision on `versions` against `serving`, as the registry holds them."""
    with tempfile.TemporaryDirectory() as temporary:
        wanted = {v: registry.version_by_number(v) for v in versions}
        challengers, unusable = _fetch_usable(registry, wanted, Path(temporary))
        serves = {"production": serving} if serving else {}
        production, lost = _fetch_usable(registry, serves, Path(temporary))
        decision = gate.decide(
            challengers, production.get("production"), halves.train, halves.test
        ).as_dict()
    decision["version"] = decision["version"] or versions[0]
    decision["reasons"] = [*unusable, *lost, *decision["reasons"]]
    return decision


def _fetch_usable(
    registry: Registry, wanted: dict[str, ModelVersion], folder: Path
) -> tuple[dict[str, Valuation], list[str]]:
    """The models that load, and why the others do not: one broken model must not stop the gate."""
    usable, reasons = {}, []
    for name, version in wanted.items():
        try:
            usable[name] = fetch_checked(registry, version, folder)
        except artifact.ArtifactError as error:
            reasons.append(f"version {version.version} cannot be used: {error}")
    return usable, reasons


def fetch_checked(registry: Registry, version: ModelVersion, folder: Path) -> Valuation:
    """Fetch a version, try it in a child process, then load it into this one."""
    place = registry.fetch(version, folder / version.version)
    artifact.check_in_child(place)
    return artifact.load(place)


def code_commit(settings: Settings) -> str:
    """The git commit this code is from: CODE_COMMIT (images set it), else what git says."""
    if settings.code_commit:
        return settings.code_commit
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        log.warning("no git commit to record; set CODE_COMMIT")
        return "unknown"
    return done.stdout.strip()


def _metrics(halves: Split, prices: pd.DataFrame) -> dict[str, float]:
    actual = halves.test["price"].to_numpy(float)
    baseline = metrics(actual, baseline_prices(halves.train, halves.test))
    return metrics(actual, prices["price"].to_numpy()) | {
        "interval_coverage": coverage(actual, prices),
        "interval_width": float((prices["high"] - prices["low"]).median()),
        "baseline_mae": baseline["mae"],
        "test_cars": float(len(actual)),
    }


def _record(
    settings: Settings, valuation: Valuation, halves: Split, prices: pd.DataFrame
) -> runs.TrainingRecord:
    facts, test = valuation.facts, halves.test
    report_uri = facts["data"]["provenance"]["report"]
    report = contract_reports.read(report_uri)
    mae = facts["metrics"]["mae"]
    return runs.TrainingRecord(
        summary=f"{facts['family']}: MAE {mae:,.0f} USD on {len(test):,} later, unseen cars",
        parameters=facts["parameters"]
        | {k: facts[k] for k in ("family", "seed", "coverage", "trained_cars")}
        | {"threads": settings.train_threads, "first_test_day": halves.first_test_day},
        metrics=facts["metrics"],
        tags={
            FAMILY_TAG: facts["family"],
            DATA_HASH_TAG: facts["data"]["sha256"],
            REPORT_TAG: str(report_uri),
            DATA_SPAN_TAG: f"{facts['data']['first_day']} to {facts['data']['last_day']}",
            CODE_COMMIT_TAG: facts["code_commit"],
            STARTED_BY_TAG: os.environ.get("AIRFLOW_CTX_DAG_RUN_ID", "command line"),
        },
        dataset=facts["data"],
        report=report,
        report_page=report_html.html(report),
        slices=slices(test, prices),
        examples=test.head(EXAMPLES),
        figures={
            "predicted_against_actual.png": plots.predicted_against_actual(
                test["price"].to_numpy(), prices["price"].to_numpy()
            ),
            "error_by_price_band.png": plots.error_by_price_band(test["price"], prices["price"]),
            "importance.png": plots.importance(valuation.price_booster),
        },
    )
