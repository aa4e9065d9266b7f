"""A real MLflow server of its own for one test module, with models that can be told apart."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import requests

from setup.native.environment import secret
from vehicle_price.registry.client import MANIFEST_TAG, MODEL_NAME

ENVIRONMENT = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "2",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[str]:
    """The address of a server that keeps everything in `folder`."""
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
            wait_until(lambda: _answers(f"{url}/health"), 120)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def registered(url: str, saved: Path) -> str:
    """Register the artifact in the folder `saved` as a new version; returns its number.

    It lies where `registry.register` puts it, but no training and no pyfunc model is made.
    """
    client = mlflow.MlflowClient(url)
    run = client.create_run(_experiment(client))
    client.log_artifacts(run.info.run_id, str(saved), "model/artifacts/valuation")
    source = f"{run.info.artifact_uri}/model"
    made = client.create_model_version(MODEL_NAME, source, run.info.run_id, await_creation_for=None)
    manifest = saved / "manifest.json"
    sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else "none"
    client.set_model_version_tag(MODEL_NAME, made.version, MANIFEST_TAG, sha256)
    return str(made.version)


def wait_until(true, seconds: float) -> bool:
    """Whether `true()` came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.1)
    return True


def copied(saved: Path, target: Path) -> Path:
    """A copy of a saved model, to be damaged."""
    return Path(shutil.copytree(saved, target))


def _experiment(client: mlflow.MlflowClient) -> str:
    known = client.get_experiment_by_name(MODEL_NAME)
    if known:
        return known.experiment_id
    client.create_registered_model(MODEL_NAME)
    return client.create_experiment(MODEL_NAME)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
