"""The main job, end to end, on what ships: one build, then what a user and a data team see."""

import json
import stat
import time
import urllib.parse

import pytest
import requests

from setup.native.environment import settings_from
from setup.native.training_run import DAG, Airflow
from vehicle_price.registry.client import Registry
from vehicle_price.schema import EXAMPLE

PATIENCE = 60  # seconds


@pytest.fixture(name="registry", scope="module")
def _registry(stack):
    return Registry(stack.mlflow_url)


@pytest.fixture(name="airflow", scope="module")
def _airflow(stack):
    return Airflow(settings_from(stack.environ))


def test_build_shows_each_task_and_ends_with_a_price_and_the_addresses(stack):
    for word in ("prepare_dataset", "train [xgboost]", "train [random_forest]", "gate"):
        assert word in stack.build_output
    assert "model version" in stack.build_output
    for url in (stack.service_url, stack.streamlit_url, stack.airflow_url, stack.mlflow_url):
        assert url in stack.build_output


def test_the_production_model_prices_the_example(stack, registry):
    answer = requests.post(f"{stack.service_url}/predict", json=EXAMPLE, timeout=30)
    assert answer.status_code == 200
    priced = answer.json()
    assert priced["interval"]["low"] <= priced["price"] <= priced["interval"]["high"]
    assert priced["model"]["version"] == registry.version("production").version


def test_every_page_answers(stack):
    for url in (
        f"{stack.service_url}/",
        f"{stack.service_url}/ready",
        f"{stack.service_url}/model",
        f"{stack.streamlit_url}/",
        f"{stack.airflow_url}/api/v2/monitor/health",
        f"{stack.mlflow_url}/",
    ):
        assert requests.get(url, timeout=30).status_code == 200, url


def test_airflow_shows_a_successful_run_of_the_dag(airflow):
    runs = airflow.request(f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"]
    assert "success" in [run["state"] for run in runs]


def test_both_families_are_in_mlflow_with_comparable_figures_and_the_gates_reasons(stack, registry):
    first, second = registry.numbered("1"), registry.numbered("2")
    assert {first.tags["family"], second.tags["family"]} == {"xgboost", "random_forest"}
    assert first.metrics.keys() == second.metrics.keys() >= {"mae", "rmse", "r2", "mape"}
    assert first.tags["data_sha256"] == second.tags["data_sha256"]
    gates = {version.tags["gate"] for version in (first, second)}
    assert gates == {"promoted", "not the best"}
    address = f"{stack.mlflow_url}/get-artifact?path=gate.json&run_uuid={first.run_id}"
    assert requests.get(address, timeout=30).json()["reasons"]


def test_an_ingested_asset_starts_a_training_on_that_dataset_that_changes_nothing(
    airflow, registry
):
    before = registry.version("production")
    body = {"logical_date": None, "conf": {"rows": 12_000}}
    airflow.request("/api/v2/dags/ingest_listings/dagRuns", body)
    run = wait_for_run(airflow, "asset_triggered")
    assert run["state"] == "success"
    again = {v.tags["family"]: v for v in (registry.numbered("3"), registry.numbered("4"))}
    for number in ("1", "2"):
        old = registry.numbered(number)
        new = again[old.tags["family"]]
        assert new.metrics == old.metrics
        assert new.tags["data_sha256"] == old.tags["data_sha256"]
    assert {v.tags["gate"] for v in again.values()} == {"refused", "not the best"}
    assert registry.version("production").version == before.version


def test_the_service_starts_a_training_for_who_has_the_key(stack, airflow):
    refused = requests.post(f"{stack.service_url}/train", timeout=30)
    assert refused.status_code == 401
    headers = {"X-API-Key": stack.api_key}
    wanted = {"families": ["xgboost"]}
    started = requests.post(f"{stack.service_url}/train", json=wanted, headers=headers, timeout=60)
    assert started.status_code == 202, started.text
    url = urllib.parse.urljoin(stack.service_url, started.json()["status_url"])
    assert requests.get(url, timeout=30).json()["state"] in ("queued", "running", "success")
    run_id = started.json()["run_id"]
    run = wait_until_ended(airflow, run_id)
    assert run["state"] == "success"


def test_the_service_follows_a_rollback_within_seconds(stack, registry):
    before = registry.version("production").version
    other = "2" if before == "1" else "1"
    registry.promote(other)
    assert served_version(stack, other) == other
    assert registry.rollback() == before
    assert served_version(stack, before) == before


def test_building_again_is_quick_and_keeps_the_production_model(stack, registry):
    before = registry.version("production").version
    again = stack.run("build")
    assert again.returncode == 0, again.stdout
    assert "is in production" in again.stdout and "prepare_dataset" not in again.stdout
    assert registry.version("production").version == before


def test_secrets_are_for_their_owner_only_and_not_in_the_logs(stack):
    secrets = [path for path in (stack.local_dir / "secrets").iterdir() if path.is_file()]
    assert secrets
    logs = [p for p in (stack.local_dir / "logs").rglob("*.log") if p.is_file()]
    written = "".join(p.read_text("utf-8", errors="replace") for p in logs)
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        content = path.read_text("utf-8").strip()
        values = json.loads(content).values() if content.startswith("{") else [content]
        assert not [v for v in values if v in written], path


def served_version(stack, wanted):
    """The version the service answers with, once it is `wanted` or PATIENCE has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = {
            requests.get(f"{stack.service_url}/model", timeout=30).json()["version"]
            for _ in range(10)  # both workers
        }
        if found == {wanted} or time.monotonic() > deadline:
            return found.pop() if len(found) == 1 else found
        time.sleep(0.5)


def wait_for_run(airflow, run_type):
    """The ended run of this type."""
    deadline = time.monotonic() + PATIENCE
    while True:
        runs = airflow.request(f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"]
        if found := [run for run in runs if run["run_type"] == run_type]:
            return wait_until_ended(airflow, found[0]["dag_run_id"])
        assert time.monotonic() < deadline, f"no {run_type} run within {PATIENCE} s"
        time.sleep(1)


def wait_until_ended(airflow, run_id):
    """The run, once it has succeeded or failed."""
    deadline = time.monotonic() + 5 * PATIENCE
    while True:
        run = airflow.request(f"/api/v2/dags/{DAG}/dagRuns/{run_id}")
        if run["state"] in ("success", "failed"):
            return run
        assert time.monotonic() < deadline, f"run {run_id} did not end"
        time.sleep(1)
