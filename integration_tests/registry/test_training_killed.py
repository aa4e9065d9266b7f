"""A training killed with `kill -9` after it has registered a version registers no second one."""

import signal
from dataclasses import asdict

import pytest
from mlflow.entities.model_registry import ModelVersion

from integration_tests.registry.training_process import (
    DESCRIBED,
    FAMILY,
    REGISTERED,
    SEED,
    kill_a_training,
)
from unit_tests.helpers.main_job import isolated_mlflow, with_database
from vehicle_price.pipelines import ingestion, training
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import FAMILY_TAG, MANIFEST_TAG, STARTED_BY_TAG, TRAINING_KEY_TAG
from vehicle_price.settings import Settings

ROWS = 3_000
RUN_VARIABLE = "AIRFLOW_CTX_DAG_RUN_ID"  # Airflow sets it for the processes of a run


@pytest.fixture(name="job", scope="module")
def _job(tmp_path_factory):
    """Settings with an MLflow in a folder, and the address of a dataset."""
    with isolated_mlflow(tmp_path_factory.mktemp("registry")) as folder:
        settings = Settings(local_dir=str(folder), data_root=str(folder / "data"))
        settings = with_database(settings, folder / "mlflow.db")
        dataset = ingestion.ingest(settings, "sample", "", ROWS, SEED)
        yield settings, dataset["uri"]


@pytest.mark.parametrize("moment", [REGISTERED, DESCRIBED])
def test_a_training_that_is_killed_and_repeated_has_one_version(job, monkeypatch, moment):
    settings, dataset = job
    run_id = f"manual__{moment}"
    monkeypatch.setenv(RUN_VARIABLE, run_id)
    status = kill_a_training(asdict(settings), dataset, moment)
    assert status == -signal.SIGKILL
    (killed,) = versions(settings, run_id)
    assert (TRAINING_KEY_TAG in killed.tags) == (moment == DESCRIBED)
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", lambda *_: pytest.fail("fitted a second time"))
        repeated = training.train_family(settings, dataset, FAMILY, SEED)
    (version,) = versions(settings, run_id)
    assert repeated["version"] == str(version.version) == str(killed.version)
    assert repeated["metrics"]["mae"] > 0
    tags = {FAMILY_TAG: FAMILY, STARTED_BY_TAG: run_id}
    assert version.tags.items() >= tags.items() and version.tags[MANIFEST_TAG]
    client = Registry(settings.mlflow_tracking_uri).client
    assert client.get_run(version.run_id).info.status == "FINISHED"


def versions(settings: Settings, run_id: str) -> list[ModelVersion]:
    """The versions whose training a run of Airflow has started, described or not."""
    client = Registry(settings.mlflow_tracking_uri).client
    found = client.search_model_versions()
    starter = {v.run_id: client.get_run(v.run_id).data.tags[STARTED_BY_TAG] for v in found}
    return [version for version in found if starter[version.run_id] == run_id]
