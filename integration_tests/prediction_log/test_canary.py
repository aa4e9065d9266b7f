"""A canary among real clients: one that fails for some cars, and one that clients say is worse.

Real MLflow, sidecar, service, forwarder and PostgreSQL; the challenger's alias is set as a user
does it, and nobody ends the canary but the rule.
"""

import json
import sys

import mlflow
import pytest
import requests

from integration_tests.model_changes.mlflow_server import (
    copied,
    mlflow_server,
    registered,
    wait_until,
)
from integration_tests.prediction_log.programs import Program, free_port
from integration_tests.prediction_log.rig import rig_with
from unit_tests.helpers import broken_models, tiny
from vehicle_price.listing.validation import check_one
from vehicle_price.model import artifact, golden_set
from vehicle_price.registry.client import MODEL_NAME

PATIENCE = 120  # seconds that a busy machine may need
CLIENTS = 120


class Shop:
    """The service with its registry; clients are told apart by X-Client-Id."""

    def __init__(self, rig, mlflow_url, saved) -> None:
        self.rig, self.mlflow_url, self.saved = rig, mlflow_url, saved
        self.url = f"http://127.0.0.1:{rig.service_port}"

    def challenger(self) -> dict:
        """What /model says of the challenger."""
        return (
            requests.get(f"{self.url}/model", timeout=20).json()["registry"].get("challenger", {})
        )

    def challenge(self, how) -> str:
        """Let the production model, changed by `how`, be the canary; its version."""
        changed = copied(self.saved, self.saved.with_name(how.__name__))
        broken_models.make_wrong(changed, how)
        version = registered(self.mlflow_url, changed)
        client = mlflow.MlflowClient(self.mlflow_url)
        client.set_registered_model_alias(MODEL_NAME, "challenger", version)
        wait_until(lambda: self.challenger().get("version") == version, PATIENCE)
        wait_until(lambda: self.challenger()["state"] == "canary", PATIENCE)
        wait_until(lambda: len(self.answering({**tiny_car()})) == 2, PATIENCE)
        return version

    def ask(self, client: int, listing: dict) -> dict:
        """One client's answer."""
        header = {"X-Client-Id": f"client-{client}"}
        answer = requests.post(f"{self.url}/predict", json=listing, headers=header, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def answering(self, listing: dict) -> set[str]:
        """The versions that answer all clients."""
        return {self.ask(n, listing)["model"]["version"] for n in range(CLIENTS)}

    def report(self, prediction_id: str, price: int) -> None:
        """Feedback of a client."""
        key = (self.rig.folder / "secrets" / "api_key").read_text("ascii").strip()
        body = {"prediction_id": prediction_id, "price": price}
        header = {"X-API-Key": key}
        answer = requests.post(f"{self.url}/feedback", json=body, headers=header, timeout=30)
        assert answer.status_code == 202, answer.text

    def rolled_back(self, version: str) -> str:
        """Why, once it is."""
        wait_until(lambda: self.challenger()["state"] == "rolled back", PATIENCE)
        told = self.challenger()
        assert told["version"] == version
        wait_until(lambda: self.answering(tiny_car()) == {"1"}, PATIENCE)
        return told["detail"]


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("canary"), free_port()
    artifact.save(tiny.valuation("xgboost"), folder / "good")
    with (
        mlflow_server(folder, port) as url,
        rig_with(tiny.valuation("xgboost"), started=False) as rig,
    ):
        client, first = mlflow.MlflowClient(url), registered(url, folder / "good")
        client.set_registered_model_alias(MODEL_NAME, "production", first)
        rig.environ |= {
            "MLFLOW_TRACKING_URI": url,
            "MODEL_POLL_SECONDS": "1",
            "CHALLENGER_MODE": "canary",
            "CANARY_PERCENT": "50",
        }
        rig.start()
        command = [sys.executable, "-m", "service.model_sync"]
        sidecar = Program("model-sync", command, rig.environ, rig.folder / "model-sync.log")
        sidecar.start()
        try:
            yield Shop(rig, url, folder / "good")
        finally:
            sidecar.stop()


def tiny_car(**more) -> dict:
    """A listing that every model here can price."""
    return {"year": 2014, "manufacturer": "honda", "odometer": 88_000} | more


def test_one_that_fails_for_some_cars_hurts_nobody_and_is_rolled_back(shop):
    tables = tiny.valuation("xgboost").tables
    usual = {one.listing["manufacturer"] for one in golden_set.LISTINGS}
    make = next(make for make in tables.offsets["make"] if make not in usual)

    def fails_for_a_make(folder):
        known = json.loads((folder / "tables.json").read_text("utf-8"))
        known["offsets"]["make"][make] = "damaged, and no golden listing is of this make"
        (folder / "tables.json").write_text(json.dumps(known), "utf-8")

    version = shop.challenge(fails_for_a_make)
    car = tiny_car(manufacturer=make)
    right = tiny.valuation("xgboost").price_one(check_one(car)).price
    answers = [shop.ask(client, car) for client in range(CLIENTS)]
    assert {(one["price"], one["model"]["version"]) for one in answers} == {(right, "1")}
    assert "answers failed; 1 % is allowed" in shop.rolled_back(version)


def test_one_that_clients_report_to_be_worse_is_rolled_back(shop):
    def a_fifth_too_dear(folder):
        broken_models.prices_times(1.2)(folder)

    version = shop.challenge(a_fifth_too_dear)
    right = tiny.valuation("xgboost").price_one(check_one(tiny_car())).price
    answers = [shop.ask(client, tiny_car()) for client in range(CLIENTS)]
    assert {one["model"]["version"] for one in answers} == {"1", version}
    for one in answers:
        shop.report(one["prediction_id"], right)
    reason = shop.rolled_back(version)
    assert "median error 20.0% by feedback against 0.0% of production" in reason
