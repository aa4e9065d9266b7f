"""The main job, end to end, on what ships: one build, then what a user and a data team see."""

import json
import stat
import urllib.parse

import pytest
import requests

from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import INGEST, RUN_SECONDS, TRAIN
from vehicle_price.registry.client import Registry
from vehicle_price.schema import EXAMPLE


@pytest.fixture(name="registry", scope="module")
def _registry(platform):
    return Registry(platform.mlflow_url)


def test_build_shows_each_task_and_ends_with_a_price_and_the_addresses(platform):
    for word in ("prepare_dataset", "train [xgboost]", "train [random_forest]", "gate"):
        assert word in platform.build_output
    assert "model version" in platform.build_output
    for url in (
        platform.service_url,
        platform.streamlit_url,
        platform.airflow_url,
        platform.mlflow_url,
    ):
        assert url in platform.build_output


def test_the_production_model_prices_the_example(platform, registry):
    answer = requests.post(f"{platform.service_url}/predict", json=EXAMPLE, timeout=30)
    assert answer.status_code == 200
    prediction = answer.json()
    interval = prediction["interval"]
    assert interval["low"] <= prediction["price"] <= interval["high"]
    assert prediction["model"]["version"] == registry.version("production").version


def test_every_page_answers(platform):
    for url in (
        f"{platform.service_url}/",
        f"{platform.service_url}/ready",
        f"{platform.service_url}/model",
        f"{platform.streamlit_url}/",
        f"{platform.airflow_url}/api/v2/monitor/health",
        f"{platform.mlflow_url}/health",
    ):
        assert requests.get(url, timeout=30).status_code == 200, url
    signed_in = requests.get(f"{platform.mlflow_url}/", auth=platform.mlflow_sign_in, timeout=30)
    assert signed_in.status_code == 200


def test_airflow_shows_a_successful_run_of_the_dag(airflow):
    assert "success" in [run["state"] for run in airflow.trainings()]


def test_both_families_are_in_mlflow_with_comparable_figures_and_the_gates_reasons(
    platform, registry
):
    first, second = registry.version_by_number("1"), registry.version_by_number("2")
    assert {first.tags["family"], second.tags["family"]} == {"xgboost", "random_forest"}
    assert first.metrics.keys() == second.metrics.keys() >= {"mae", "rmse", "r2", "mape"}
    assert first.tags["data_sha256"] == second.tags["data_sha256"]
    gates = {version.tags["gate"] for version in (first, second)}
    assert gates == {"promoted", "not the best"}
    address = f"{platform.mlflow_url}/get-artifact?path=gate.json&run_uuid={first.run_id}"
    gate = requests.get(address, auth=platform.mlflow_sign_in, timeout=30).json()
    assert gate["reasons"]


def test_materializing_the_asset_on_its_page_starts_a_training_that_changes_nothing(
    airflow, page, registry
):
    """With the defaults of the form, which are those of `make build`: the dataset is the same."""
    before, ingests = registry.version("production"), airflow.ids(INGEST)
    page.materialize("sample_listings")
    training = airflow.training_after(airflow.new_run(INGEST, ingests, "asset_materialization"))
    assert airflow.final_state(TRAIN, training) == "success"
    versions = [registry.version_by_number(number) for number in ("3", "4")]
    repeated = {version.tags["family"]: version for version in versions}
    for number in ("1", "2"):
        first = registry.version_by_number(number)
        second = repeated[first.tags["family"]]
        assert second.metrics == first.metrics
        assert second.tags["data_sha256"] == first.tags["data_sha256"]
    assert {v.tags["gate"] for v in versions} == {"refused", "not the best"}
    assert registry.version("production").version == before.version


def test_the_service_starts_a_training_for_a_client_with_the_key(platform, airflow):
    refused = requests.post(f"{platform.service_url}/train", timeout=30)
    assert refused.status_code == 401
    headers = {"X-API-Key": platform.api_key}
    form = {"families": ["xgboost"]}
    started = requests.post(f"{platform.service_url}/train", json=form, headers=headers, timeout=60)
    assert started.status_code == 202, started.text
    url = urllib.parse.urljoin(platform.service_url, started.json()["status_url"])
    # A busy Airflow may not answer the service in time; then there are no tasks in its answer.
    wait_until(lambda: requests.get(url, timeout=30).json().get("tasks"), RUN_SECONDS)
    assert requests.get(url, timeout=30).json()["state"] in ("queued", "running", "success")
    airflow.cancel(TRAIN, started.json()["run_id"])  # it would be a training like the others


def test_the_service_follows_a_rollback(platform, registry):
    before = registry.version("production").version
    other = "2" if before == "1" else "1"
    registry.promote(other, "a test", "to test")
    wait_until(lambda: served_versions(platform) == {other})
    assert registry.rollback("a test", "to test") == before
    wait_until(lambda: served_versions(platform) == {before})


def test_building_again_trains_nothing_and_keeps_the_production_model(platform, registry):
    before = registry.version("production").version
    second_build = platform.run("build")
    assert second_build.returncode == 0, second_build.stdout
    assert "is in production" in second_build.stdout
    assert "prepare_dataset" not in second_build.stdout
    assert registry.version("production").version == before


def test_secrets_are_for_their_owner_only_and_not_in_the_logs(platform):
    secrets = [path for path in (platform.local_dir / "secrets").iterdir() if path.is_file()]
    assert secrets
    logs = [p for p in (platform.local_dir / "logs").rglob("*.log") if p.is_file()]
    logged = "".join(p.read_text("utf-8", errors="replace") for p in logs)
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        content = path.read_text("utf-8").strip()
        values = json.loads(content).values() if content.startswith("{") else [content]
        assert not [v for v in values if v in logged], path


def served_versions(platform):
    """The versions that answer: of ten requests, so that both workers answer some."""
    return {
        requests.get(f"{platform.service_url}/model", timeout=30).json()["version"]
        for _ in range(10)
    }
