"""Fit one model family on a stored dataset and register it, for the command line and the DAGs.

Arguments are addresses and small values, and the result is a small JSON-able dict, so that the
step can run on any machine and again.
"""

import hashlib
import json
import logging
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vehicle_price.evaluation import plots
from vehicle_price.evaluation.baseline import baseline_prices
from vehicle_price.evaluation.metrics import coverage, metrics, slices
from vehicle_price.model.valuation import FittedValuation
from vehicle_price.monitoring.performance import baseline_of
from vehicle_price.monitoring.skew import training_profile
from vehicle_price.names import market_of
from vehicle_price.pipelines import contract_reports
from vehicle_price.registry import runs
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import (
    CODE_COMMIT_TAG,
    DATA_HASH_TAG,
    DATA_SPAN_TAG,
    FAMILY_TAG,
    MARKET_TAG,
    REPORT_TAG,
    SOURCE_TAG,
    STARTED_BY_TAG,
    STORE_TAG,
    TRAINING_KEY_TAG,
)
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import open_dataset, read_listings, store_of
from vehicle_price.training.fit import fit
from vehicle_price.training.split import Split, split_by_time

log = logging.getLogger(__name__)

EXAMPLES = 5
TWIN_FACTS = ("trained_cars", "first_day", "last_day")
PROJECT = Path(__file__).parents[3]  # of a checkout; elsewhere it has no Pipfile.lock


def train_family(
    settings: Settings, dataset_uri: str, family: str, seed: int, price_shift: float = 0.0
) -> dict:
    """Fit one family on a dataset, measure it on later, unseen cars, fit it again on every car, and
    register both models as one version.

    price_shift: the jump of prices that is the cause of the training, as in `split_by_time`.
    Returns family, version, run_id and metrics. A repeated call within an Airflow run returns the
    version that the first one has registered. Raises StorageError, TrainingError and RegistryError.
    """
    dataset = asdict(open_dataset(dataset_uri))
    key = _training_key(settings, dataset["sha256"], family, seed, price_shift)
    if key and (
        version := runs.registered(
            Registry(settings.mlflow_tracking_uri, settings.mlflow_page_url), key
        )
    ):
        log.info("%s: an earlier attempt has registered version %s", family, version.version)
        return _result(family, version)
    cars = split_by_time(read_listings(dataset_uri), price_shift)
    models, record = _trained(settings, dataset, cars, family, seed)
    if key:
        record = replace(record, tags={**record.tags, TRAINING_KEY_TAG: key})
    log.info(record.summary)
    version = runs.register(
        Registry(settings.mlflow_tracking_uri, settings.mlflow_page_url), models, record
    )
    return _result(family, version)


def _trained(
    settings: Settings, dataset: Mapping[str, Any], cars: Split, family: str, seed: int
) -> tuple[runs.TrainedModels, runs.TrainingRecord]:
    """Both models of a family, the twin measured, and what is recorded with them."""
    twin = fit(cars.train, family, seed, settings.train_threads)
    prices = twin.price_frame(cars.test)
    facts = {
        "data": dataset,
        "market": market_of(dataset["provenance"]["source"]),
        "metrics": _metrics(cars, prices),
        "twin": {name: twin.facts[name] for name in TWIN_FACTS},
        **code_facts(settings),
    }
    log.info("%s: fitting again on every car, the %d test cars too", family, len(cars.test))
    serving = fit(cars.all_cars, family, seed, settings.train_threads)
    models = runs.TrainedModels(_with_facts(serving, facts), _with_facts(twin, facts))
    return models, _record(settings, models, cars, prices)


def _result(family: str, version: ModelVersion) -> dict:
    return {
        "family": family,
        "version": version.version,
        "run_id": version.run_id,
        "metrics": version.metrics,
    }


def _training_key(
    settings: Settings, sha256: str, family: str, seed: int, price_shift: float
) -> str:
    """What makes a training the same as another one in its Airflow run; "" on the command line,
    where each call trains.

    Other code, or another number of threads, is another training: a person may clear a task after
    a repair.
    """
    if not runs.in_airflow():
        return ""
    facts = {
        "started_by": runs.starter(),
        "sha256": sha256,
        "family": family,
        "seed": seed,
        "price_shift": price_shift,
        "threads": settings.train_threads,
        **code_facts(settings),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _with_facts(valuation: FittedValuation, facts: Mapping[str, object]) -> FittedValuation:
    return replace(valuation, facts=valuation.facts | facts)


def code_facts(settings: Settings) -> dict[str, object]:
    """code_commit: CODE_COMMIT (images set it), else what git says. code_dirty: whether files
    differ from that commit. lock_sha256: of Pipfile.lock. "unknown" without git or lock."""
    lock = PROJECT / "Pipfile.lock"
    lock_sha256 = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "unknown"
    facts: dict[str, object] = {"lock_sha256": lock_sha256}
    if settings.code_commit:
        return facts | {"code_commit": settings.code_commit, "code_dirty": False}
    try:
        changes = _git("status", "--porcelain", "--untracked-files=no")
        return facts | {"code_commit": _git("rev-parse", "HEAD"), "code_dirty": bool(changes)}
    except (OSError, subprocess.CalledProcessError):
        log.warning("no git commit to record; set CODE_COMMIT")
        return facts | {"code_commit": "unknown", "code_dirty": False}


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _metrics(cars: Split, prices: pd.DataFrame) -> dict[str, float]:
    actual = cars.test["price"].to_numpy(float)
    baseline = metrics(actual, baseline_prices(cars.train, cars.test))
    monitored = baseline_of(prices["price"], prices["low"], prices["high"], actual)
    return metrics(actual, prices["price"].to_numpy()) | {
        "interval_coverage": coverage(actual, prices),
        "interval_width": float((prices["high"] - prices["low"]).median()),
        "bias": monitored.bias,
        "error_per_width": monitored.error_per_width,
        "baseline_mae": baseline["mae"],
        "test_cars": float(len(actual)),
    }


def _record(
    settings: Settings, models: runs.TrainedModels, cars: Split, prices: pd.DataFrame
) -> runs.TrainingRecord:
    facts, test = models.serving.facts, cars.test
    report_uri, source = (facts["data"]["provenance"][name] for name in ("report", "source"))
    mae = facts["metrics"]["mae"]
    return runs.TrainingRecord(
        summary=f"{facts['family']}: MAE {mae:,.0f} USD on {len(test):,} later, unseen cars",
        parameters=facts["parameters"]
        | {k: facts[k] for k in ("family", "seed", "coverage", "trained_cars")}
        | {"threads": settings.train_threads, "first_test_day": cars.first_test_day}
        | {"price_level": facts["price_level"]}
        | {f"twin_{name}": value for name, value in facts["twin"].items()},
        metrics=facts["metrics"],
        tags={
            FAMILY_TAG: facts["family"],
            DATA_HASH_TAG: facts["data"]["sha256"],
            REPORT_TAG: str(report_uri),
            DATA_SPAN_TAG: f"{facts['data']['first_day']} to {facts['data']['last_day']}",
            CODE_COMMIT_TAG: facts["code_commit"],
            STARTED_BY_TAG: runs.starter(),
            MARKET_TAG: facts["market"],
            SOURCE_TAG: source,
            STORE_TAG: store_of(facts["data"]["uri"]),
        },
        dataset=facts["data"],
        report=contract_reports.read(report_uri),
        training_profile=training_profile(cars.all_cars).to_json(),
        slices=slices(test, prices),
        examples=test.head(EXAMPLES),
        figures={
            "predicted_against_actual.png": plots.predicted_against_actual(
                test["price"].to_numpy(), prices["price"].to_numpy()
            ),
            "error_by_price_band.png": plots.error_by_price_band(test["price"], prices["price"]),
            "importance.png": plots.importance(models.serving.price_booster),
        },
    )
