"""A real MLflow server for one test module, and versions registered without a training."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow

from integration_tests.helpers.waiting import answers, wait_until
from setup.native.environment import secret
from vehicle_price.registry.names import MANIFEST_TAG, MODEL_NAME

ENVIRONMENT = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "2",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[str]:
    """The address of a server that keeps its tables, artifacts and log in `folder`."""
    key = secret(folder, "mlflow_webhook_key") + "="
    environ = os.environ | ENVIRONMENT | {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key}
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "mlflow.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            wait_until(lambda: answers(f"{url}/health"))
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def register_version(url: str, artifact: Path) -> str:
    """Register the artifact in the folder `artifact` as a new version; returns its number.

    The files lie where `Registry.register` puts them. No model is trained and no pyfunc model is
    saved.
    """
    client = mlflow.MlflowClient(url)
    run = client.create_run(_experiment(client))
    client.log_artifacts(run.info.run_id, str(artifact), "model/artifacts/valuation")
    source = f"{run.info.artifact_uri}/model"
    version = client.create_model_version(
        MODEL_NAME, source, run.info.run_id, await_creation_for=None
    ).version
    manifest = artifact / "manifest.json"
    sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else "none"
    client.set_model_version_tag(MODEL_NAME, version, MANIFEST_TAG, sha256)
    return str(version)


def set_alias(url: str, alias: str, version: str) -> None:
    """Give a version an alias in the registry, as a user does."""
    mlflow.MlflowClient(url).set_registered_model_alias(MODEL_NAME, alias, version)


def copy_artifact(artifact: Path, target: Path) -> Path:
    """A copy of a saved model, to be damaged."""
    return Path(shutil.copytree(artifact, target))


def _experiment(client: mlflow.MlflowClient) -> str:
    experiment = client.get_experiment_by_name(MODEL_NAME)
    if experiment:
        return experiment.experiment_id
    client.create_registered_model(MODEL_NAME)
    return client.create_experiment(MODEL_NAME)
