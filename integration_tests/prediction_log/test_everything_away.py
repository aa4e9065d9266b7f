"""MLflow and PostgreSQL are both away when everything starts; then they come."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests

from integration_tests.model_changes.mlflow_server import mlflow_server, registered, wait_until
from integration_tests.prediction_log.programs import ROOT
from integration_tests.prediction_log.rig import rig_with
from integration_tests.service.test_process import free_port
from unit_tests.helpers import tiny

PATIENCE = 120
HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}


@pytest.fixture(name="rig")
def _rig():
    """Service, forwarder and sidecar, and nobody whom the latter two could reach."""
    with rig_with(tiny.valuation("xgboost"), started=False) as rig:
        rig.mlflow_port = free_port()
        rig.environ |= {"MLFLOW_PORT": str(rig.mlflow_port), "MODEL_POLL_SECONDS": "1"}
        rig.service.start()
        rig.forwarder.start()
        with sidecar(rig):
            rig.wait_for_service()
            yield rig


@contextmanager
def sidecar(rig):
    """model-sync while the block runs."""
    command = [sys.executable, "-m", "service.model_sync"]
    with (
        (rig.folder / "model-sync.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=rig.environ, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def asked(rig, path):
    """What GET answers; it must be 200."""
    answer = requests.get(f"http://127.0.0.1:{rig.service_port}{path}", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(rig, path):
    """What a route says of the registry and of the prediction log."""
    said = asked(rig, path)
    return said["registry"]["state"], said["prediction_log"]["state"]


def test_the_last_good_model_serves_and_both_absences_are_said_until_they_end(rig):
    away, here = ("unreachable", "unreachable"), ("ok", "ok")
    for path in ("/ready", "/model"):
        wait_until(lambda path=path: states(rig, path) == away, PATIENCE)
    said = asked(rig, "/model")
    assert said["run_id"] == "rig" and said["registry"]["since"] and said["prediction_log"]["since"]
    assert "only-for-tests" not in str(asked(rig, "/ready"))  # the database's password
    url = f"http://127.0.0.1:{rig.service_port}/predict"
    answers = [requests.post(url, json=HONDA, timeout=20).json() for _ in range(5)]
    assert all(one["price"] > 0 for one in answers) and rig.waiting() == 5

    rig.postgres.start()
    rig.let_in()
    with mlflow_server(rig.folder, rig.mlflow_port) as address:
        saved = rig.folder / "model" / "versions" / "1-rig"
        registered(address, saved)
        put(address)
        for path in ("/ready", "/model"):
            wait_until(lambda path=path: states(rig, path) == here, PATIENCE)
        wait_until(lambda: asked(rig, "/model")["run_id"] != "rig", PATIENCE)
    rig.drain(60)
    logged = rig.query("SELECT prediction_id::text FROM predictions")
    assert {row[0] for row in logged} == {one["prediction_id"] for one in answers}


def put(address):
    """Give version 1 the alias `production`."""
    import mlflow

    from vehicle_price.registry.client import MODEL_NAME

    mlflow.MlflowClient(address).set_registered_model_alias(MODEL_NAME, "production", "1")
