"""The service starts and answers while MLflow and PostgreSQL are down, and finds them later."""

import pytest
import requests

from integration_tests.helpers.mlflow_server import mlflow_server, register_version, set_alias
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.service import HONDA
from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.harness import PASSWORD, RUN_ID, prediction_log_harness
from unit_tests.helpers import tiny


@pytest.fixture(name="harness")
def _harness():
    """Service, forwarder and model-sync run; MLflow and PostgreSQL do not."""
    with prediction_log_harness(tiny.valuation("xgboost"), started=False) as harness:
        harness.mlflow_port = free_port()
        harness.environ |= {"MLFLOW_PORT": str(harness.mlflow_port), "MODEL_POLL_SECONDS": "1"}
        model_sync = harness.program("model-sync", "service.model_sync")
        for program in (harness.service, harness.forwarder, model_sync):
            program.start()
        try:
            harness.wait_for_service()
            yield harness
        finally:
            model_sync.stop()


def get(harness, path):
    """The JSON that GET answers; the status must be 200."""
    answer = requests.get(f"http://127.0.0.1:{harness.service_port}{path}", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(harness, path):
    """The states of the registry and of the prediction log in a route's answer."""
    answer = get(harness, path)
    return answer["registry"]["state"], answer["prediction_log"]["state"]


def test_the_last_good_model_serves_and_both_outages_are_reported_until_they_end(harness):
    for path in ("/ready", "/model"):
        wait_until(lambda path=path: states(harness, path) == ("unreachable", "unreachable"))
    model = get(harness, "/model")
    assert model["run_id"] == RUN_ID
    assert model["registry"]["since"] and model["prediction_log"]["since"]
    assert PASSWORD not in str(get(harness, "/ready"))
    url = f"http://127.0.0.1:{harness.service_port}/predict"
    predictions = [requests.post(url, json=HONDA, timeout=20).json() for _ in range(5)]
    assert all(prediction["price"] > 0 for prediction in predictions)
    assert harness.waiting() == 5

    harness.postgres.start()
    harness.open_database()
    with mlflow_server(harness.folder, harness.mlflow_port) as mlflow_url:
        (artifact,) = (harness.folder / "model" / "versions").glob("1-*")
        register_version(mlflow_url, artifact)
        set_alias(mlflow_url, "production", "1")
        for path in ("/ready", "/model"):
            wait_until(lambda path=path: states(harness, path) == ("ok", "ok"))
        wait_until(lambda: get(harness, "/model")["run_id"] != RUN_ID)
    harness.drain(60)
    logged = harness.query("SELECT prediction_id::text FROM predictions")
    assert {row[0] for row in logged} == {prediction["prediction_id"] for prediction in predictions}
