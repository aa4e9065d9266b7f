"""The model changes while the service answers: real MLflow, real sidecar, real Gunicorn.

`python -m benchmarks.model_changes` measures the seconds that each change takes.
"""

import mlflow
import pytest
import requests

from integration_tests.helpers.service import HONDA
from integration_tests.helpers.waiting import wait_until
from integration_tests.model_changes.bad_versions import BAD, refuse_all, refused_count
from integration_tests.model_changes.harness import PredictionLoad, model_change_harness
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import MODEL_NAME


@pytest.fixture(name="harness", scope="module")
def _harness(tmp_path_factory):
    with model_change_harness(tmp_path_factory.mktemp("harness")) as harness:
        yield harness


@pytest.fixture(name="load")
def _load(harness):
    load = PredictionLoad(harness)
    assert len({tuple(prices) for prices in load.expected.values()}) == 3
    return load


def test_an_alias_change_is_served_by_all_workers(harness):
    harness.set_alias("production", "2")
    wait_until(lambda: harness.serves("2"))


def test_20_changes_under_full_load_lose_no_request_and_mix_no_versions(harness, load):
    with load.running():
        for change in range(20):
            version = str(change % 3 + 1)
            harness.set_alias("production", version)
            wait_until(lambda v=version: harness.serves(v))
    assert not load.failed, load.failed[:3]
    assert load.versions == {"1", "2", "3"} and load.lists and load.answers


def test_bad_versions_never_serve_and_each_says_why(harness, load):
    harness.set_alias("production", "1")
    wait_until(lambda: harness.serves("1"))
    before = refused_count(harness)
    with load.running(singles=1):
        refusals = list(refuse_all(harness))
        assert harness.serves("1")
    for refusal in refusals:
        print(f"{refusal.name}: {refusal.model:.1f} s, {refusal.metrics:.1f} s, {refusal.reason}")
    assert len(refusals) == len(BAD) >= 20 and all(refusal.reason for refusal in refusals)
    assert refused_count(harness) == before + len(BAD)
    assert harness.storage.failed >= 3
    assert not load.failed, load.failed[:3]
    assert load.versions == {"1"}


def test_a_rollback_serves_the_version_before_and_the_later_one_does_not_return(harness):
    registry = Registry(harness.mlflow_url)
    for version in ("1", "2"):
        registry.promote(version, "a test", "to test")
        wait_until(lambda v=version: harness.serves(v))
    assert registry.rollback("a test", "to test") == "1"
    wait_until(lambda: harness.serves("1"))
    aliases = [registry.version(alias).version for alias in ("production", "previous")]
    assert aliases == ["1", "2"] and harness.serves("1")


def test_a_canary_answers_some_clients_and_goes_when_its_alias_does(harness):
    harness.set_alias("challenger", "2")

    def answering_version(client):
        headers = {"X-Client-Id": client}
        answer = requests.post(f"{harness.url}/predict", json=HONDA, headers=headers, timeout=20)
        return answer.json()["model"]["version"]

    clients = [str(number) for number in range(12)]
    wait_until(lambda: {answering_version(client) for client in clients} == {"1", "2"})
    mlflow.MlflowClient(harness.mlflow_url).delete_registered_model_alias(MODEL_NAME, "challenger")
    wait_until(lambda: {answering_version(client) for client in clients * 3} == {"1"})
