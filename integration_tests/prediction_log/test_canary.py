"""Two canaries with real clients: one fails for some cars, the other is worse by their feedback.

Real MLflow, model-sync, service, forwarder and PostgreSQL. The challenger's alias is set as a user
sets it, and only the rollback rule ends the canary.
"""

import json

import pytest
import requests

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.mlflow_server import (
    copy_artifact,
    mlflow_server,
    register_version,
    set_alias,
)
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.service import HONDA, read_api_key
from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.harness import prediction_log_harness
from unit_tests.helpers import broken_models, tiny
from vehicle_price.listing.validation import check_one
from vehicle_price.model import artifact, golden_set

CLIENTS = 120
REPORTING_CLIENTS = 500  # half of them are answered by production: 200 reports are needed


class CanaryService:
    """The service with its registry; X-Client-Id tells clients apart."""

    def __init__(self, harness, mlflow_url, artifact_folder) -> None:
        self.harness, self.mlflow_url, self.artifact = harness, mlflow_url, artifact_folder
        self.url = f"http://127.0.0.1:{harness.service_port}"

    def challenger(self) -> dict:
        """The challenger's state in GET /model."""
        registry = requests.get(f"{self.url}/model", timeout=20).json()["registry"]
        return registry.get("challenger", {})

    def start_canary(self, change) -> str:
        """Make the production model, changed by `change`, the canary; its version."""
        changed = copy_artifact(self.artifact, self.artifact.with_name(change.__name__))
        broken_models.make_wrong(changed, change)
        version = register_version(self.mlflow_url, changed)
        set_alias(self.mlflow_url, "challenger", version)
        wait_until(lambda: self.challenger().get("version") == version)
        wait_until(lambda: self.challenger()["state"] == "canary")
        wait_until(lambda: len(self.answering_versions(HONDA)) == 2)
        return version

    def predict(self, client: int, listing: dict) -> dict:
        """The answer to one client."""
        header = {"X-Client-Id": f"client-{client}"}
        answer = requests.post(f"{self.url}/predict", json=listing, headers=header, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def answering_versions(self, listing: dict) -> set[str]:
        """The versions that answer the clients."""
        return {self.predict(n, listing)["model"]["version"] for n in range(CLIENTS)}

    def send_feedback(self, prediction_id: str, price: int) -> None:
        """POST /feedback."""
        body = {"prediction_id": prediction_id, "price": price}
        header = {"X-API-Key": read_api_key(self.harness.folder)}
        answer = requests.post(f"{self.url}/feedback", json=body, headers=header, timeout=30)
        assert answer.status_code == 202, answer.text

    def rollback_reason(self, version: str) -> str:
        """Wait until this version is rolled back; the reason in GET /model."""
        wait_until(lambda: self.challenger()["state"] == "rolled back")
        challenger = self.challenger()
        assert challenger["version"] == version
        wait_until(lambda: self.answering_versions(HONDA) == {"1"})
        return challenger["detail"]


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("canary"), free_port()
    artifact.save(tiny.valuation("xgboost"), folder / "good")
    with (
        mlflow_server(folder, port) as url,
        prediction_log_harness(tiny.valuation("xgboost"), started=False) as harness,
        keep_logs(folder),
    ):
        set_alias(url, "production", register_version(url, folder / "good"))
        harness.environ |= {
            "MLFLOW_TRACKING_URI": url,
            "MODEL_POLL_SECONDS": "1",
            "CHALLENGER_MODE": "canary",
            "CANARY_PERCENT": "50",
        }
        harness.start()
        model_sync = harness.program("model-sync", "service.model_sync")
        model_sync.start()
        try:
            yield CanaryService(harness, url, folder / "good")
        finally:
            model_sync.stop()


def test_a_canary_that_fails_for_some_cars_breaks_no_answer_and_is_rolled_back(service):
    tables = tiny.valuation("xgboost").tables
    golden_makes = {golden.listing["manufacturer"] for golden in golden_set.LISTINGS}
    make = next(make for make in tables.offsets["make"] if make not in golden_makes)

    def fails_for_a_make(folder):
        damaged = json.loads((folder / "tables.json").read_text("utf-8"))
        damaged["offsets"]["make"][make] = "damaged, and no golden listing is of this make"
        (folder / "tables.json").write_text(json.dumps(damaged), "utf-8")

    version = service.start_canary(fails_for_a_make)
    listing = HONDA | {"manufacturer": make}
    price = tiny.valuation("xgboost").price_one(check_one(listing, 2021)).price
    answers = [service.predict(client, listing) for client in range(CLIENTS)]
    assert {(a["price"], a["model"]["version"]) for a in answers} == {(price, "1")}
    assert "answers failed; 1 % is allowed" in service.rollback_reason(version)


def test_a_canary_that_is_worse_by_feedback_is_rolled_back(service):
    def prices_a_fifth_higher(folder):
        broken_models.prices_times(1.2)(folder)

    version = service.start_canary(prices_a_fifth_higher)
    price = tiny.valuation("xgboost").price_one(check_one(HONDA, 2021)).price
    answers = [service.predict(client, HONDA) for client in range(REPORTING_CLIENTS)]
    assert {answer["model"]["version"] for answer in answers} == {"1", version}
    for answer in answers:
        service.send_feedback(answer["prediction_id"], price)
    reason = service.rollback_reason(version)
    assert "have a larger error" in reason and "evidence" in reason
