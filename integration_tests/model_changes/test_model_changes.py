"""The model changes while the service answers: real MLflow, real sidecar, real Gunicorn.

`python -m benchmarks.model_changes` shows the seconds that it takes.
"""

import subprocess
import sys

import mlflow
import pytest
import requests

from integration_tests.model_changes.bad_versions import BAD, counted, refuse_all
from integration_tests.model_changes.mlflow_server import wait_until
from integration_tests.model_changes.stage import PATIENCE, ROOT, Load, staged
from vehicle_price.registry.client import MODEL_NAME, Registry

HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory):
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture(name="load")
def _load(stage):
    load = Load(stage)
    assert len({tuple(prices) for prices in load.expected.values()}) == 3
    return load


def test_an_alias_change_is_served_by_all_workers_in_seconds(stage):
    stage.put("production", "2")
    wait_until(lambda: stage.serves("2"), PATIENCE)


def test_20_changes_under_full_load_lose_no_request_and_mix_no_versions(stage, load):
    with load.running():
        for change in range(20):
            version = str(change % 3 + 1)
            stage.put("production", version)
            wait_until(lambda v=version: stage.serves(v), PATIENCE)
    assert not load.failed, load.failed[:3]
    assert load.versions == {"1", "2", "3"} and load.lists and load.answers


def test_bad_versions_never_serve_and_each_says_why(stage, load):
    stage.put("production", "1")
    wait_until(lambda: stage.serves("1"), PATIENCE)
    before = counted(stage)
    with load.running(singles=1):
        found = list(refuse_all(stage))
        assert stage.serves("1")
    for one in found:
        print(f"{one.name}: {one.model:.1f} s, {one.metrics:.1f} s, {one.reason}")
    assert len(found) == len(BAD) >= 20 and all(one.reason for one in found)
    assert counted(stage) == before + len(BAD)
    assert stage.storage.spoiled >= 3
    assert not load.failed, load.failed[:3]
    assert load.versions == {"1"}


def test_a_rollback_serves_the_version_before_and_the_other_does_not_come_back(stage):
    registry = Registry(stage.mlflow_url)
    for version in ("1", "2"):
        registry.promote(version)
        wait_until(lambda v=version: stage.serves(v), PATIENCE)
    command = [sys.executable, "-m", "vehicle_price.cli.main", "rollback"]
    subprocess.run(command, cwd=ROOT, env=stage.environ, check=True)
    wait_until(lambda: stage.serves("1"), PATIENCE)
    aliases = [registry.version(alias).version for alias in ("production", "previous")]
    assert aliases == ["1", "2"] and stage.serves("1")


def test_a_canary_answers_some_clients_and_goes_when_its_alias_does(stage):
    stage.put("challenger", "2")

    def who(client):
        headers = {"X-Client-Id": client}
        answer = requests.post(f"{stage.url}/predict", json=HONDA, headers=headers, timeout=20)
        return answer.json()["model"]["version"]

    clients = [str(number) for number in range(12)]
    wait_until(lambda: {who(client) for client in clients} == {"1", "2"}, PATIENCE)
    mlflow.MlflowClient(stage.mlflow_url).delete_registered_model_alias(MODEL_NAME, "challenger")
    wait_until(lambda: {who(client) for client in clients * 3} == {"1"}, PATIENCE)
