"""The main job run a second time, and copies of its MLflow, for the tests of its steps."""

from pathlib import Path

import pytest

from unit_tests.helpers.main_job import Job, copy_mlflow, isolated_mlflow, run_again
from vehicle_price.registry import runs
from vehicle_price.registry.client import Registry
from vehicle_price.settings import Settings


@pytest.fixture(name="second_job", scope="session")
def _second_job(main_job, tmp_path_factory):
    """The dataset, XGBoost and the gate's decision once more, with a copy of the job's MLflow."""
    with isolated_mlflow(tmp_path_factory.mktemp("second_job")) as folder:
        return run_again(main_job, folder)


@pytest.fixture(name="settings")
def _settings(
    main_job: Job, mlflow_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A copy of the main job's MLflow. Nothing is written to its artifacts: tests share them."""
    del mlflow_folder
    monkeypatch.setattr(runs, "record_decision", lambda *_: None)
    return copy_mlflow(main_job, tmp_path)


@pytest.fixture(name="registry")
def _registry(settings: Settings) -> Registry:
    return Registry(settings.mlflow_tracking_uri)


@pytest.fixture(name="worse_serves")
def _worse_serves(main_job: Job, registry: Registry) -> tuple[str, str]:
    """The family that lost in the main job is in production; returns (its number, the winner's)."""
    winner = main_job.decision["version"]
    loser = next(t["version"] for t in main_job.trained.values() if t["version"] != winner)
    registry.promote(loser, "a test", "to test")
    return loser, winner
