"""The main job against a real MLflow whose tables are in an SQLite file, without a server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from vehicle_price.model import artifact, trial
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.pipelines import ingestion, production, promotion, training
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import CHALLENGER, PREVIOUS, PRODUCTION
from vehicle_price.settings import Settings
from vehicle_price.training.families import FAMILIES

ROWS, SEED = 6_000, 20
SMALL_FOREST = {"n_estimators": 15, "min_samples_leaf": 100}  # surely worse than XGBoost, and quick


@dataclass(frozen=True)
class Job:
    """The results of the main job. Tests must not change them; they copy its MLflow.

    trained: family → the result of `train_family`.
    """

    folder: Path
    settings: Settings
    dataset: dict
    trained: dict[str, dict]
    decision: dict


@contextmanager
def isolated_mlflow(folder: Path) -> Iterator[Path]:
    """MLflow writes into `folder` only, without telemetry; the environment is restored.

    Models are tried in this process: a child process, as in test_trial, takes seconds each. There
    is no PostgreSQL, so no lock on the alias `production`.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # registering sets it; restored in the end
        monkeypatch.setattr(trial, "try_out", _try_out_here)
        monkeypatch.setattr(production, "advisory_lock", lambda *_: nullcontext())
        for name, value in SMALL_FOREST.items():
            monkeypatch.setitem(FAMILIES["random_forest"].parameters, name, value)
        yield folder


def run(folder: Path) -> Job:
    """Ingest a small sample, train both families and run the gate, all in `folder`."""
    settings = with_database(
        Settings(local_dir=str(folder), data_root=str(folder / "data")), folder / "x.db"
    )
    Registry(settings.mlflow_tracking_uri)
    shutil.copy(folder / "x.db", folder / "empty.db")
    dataset = ingestion.ingest(settings, "sample", "", ROWS, SEED)
    trained = {f: training.train_family(settings, dataset["uri"], f, SEED) for f in FAMILY_NAMES}
    versions = [result["version"] for result in trained.values()]
    decision = promotion.run_gate(settings, dataset["uri"], versions)
    return Job(folder, settings, dataset, trained, decision)


def run_again(job: Job, folder: Path) -> Job:
    """Ingest the same sample, train XGBoost only and let the gate decide, in a copy in `folder`."""
    settings = copy_mlflow(job, folder)
    dataset = ingestion.ingest(settings, "sample", "", ROWS, SEED)
    trained = training.train_family(settings, dataset["uri"], "xgboost", SEED)
    decision = promotion.run_gate(settings, dataset["uri"], [trained["version"]])
    return Job(folder, settings, dataset, {"xgboost": trained}, decision)


def with_database(settings: Settings, database: Path) -> Settings:
    """The settings with this SQLite file as MLflow's database."""
    return replace(settings, mlflow_tracking_uri=f"sqlite:///{database}")


def copy_mlflow(job: Job, folder: Path, database: str = "x.db") -> Settings:
    """Settings for a copy of the job's MLflow in `folder`: the job's own is not changed."""
    shutil.copy(job.folder / database, folder / database)
    return with_database(job.settings, folder / database)


def aliases(registry: Registry) -> dict[str, str]:
    """Alias → number of the version, of the aliases that are set."""
    versions = {alias: registry.version(alias) for alias in (PRODUCTION, CHALLENGER, PREVIOUS)}
    return {alias: version.version for alias, version in versions.items() if version}


def _try_out_here(folder: Path, manifest_sha256: str | None, *_: object) -> list[int]:
    try:
        return trial.golden_prices(folder, manifest_sha256)
    except ValueError as error:  # what the child process prints, and its parent raises
        raise artifact.ArtifactError(str(error)) from error
