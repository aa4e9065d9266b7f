"""Listings of every source go through both DAGs, and each run leads to what it read."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from integration_tests.kaggle.stand_in import StandIn
from integration_tests.kaggle.zips import archive
from integration_tests.mongodb.server import own_server
from setup.native.environment import settings_from
from setup.native.training_run import Airflow
from vehicle_price.pipelines import ingestion
from vehicle_price.registry.client import Registry
from vehicle_price.settings import Settings
from vehicle_price.sources.mongodb.push import push
from vehicle_price.sources.sample.source import generate

INGEST, TRAIN = "ingest_listings", "train_vehicle_price"
ROWS = 3_000
PATIENCE = 300  # seconds


@dataclass(frozen=True)
class Feeds:
    """The same listings in a file, on Kaggle and in MongoDB. expected: facts of their dataset."""

    csv: Path
    expected: dict

    def form(self, source: str) -> dict[str, str]:
        """What is filled in on Airflow's page."""
        return {"source": source, "data": str(self.csv) if source == "file" else ""}


@pytest.fixture(name="airflow", scope="module")
def _airflow(stack) -> Airflow:
    return Airflow(settings_from(stack.environ))


@pytest.fixture(name="feeds", scope="module")
def _feeds(stack, tmp_path_factory) -> Iterator[Feeds]:
    folder = tmp_path_factory.mktemp("feeds")
    csv = folder / "vehicles.csv"
    generate(ROWS, seed=9).to_csv(csv, index=False)
    alone = Settings(data_root=str(folder / "alone"), local_dir=str(folder))
    expected = ingestion.ingest(alone, "file", str(csv), 0, 0)
    kaggle = StandIn(archive(csv.read_bytes()))
    mongodb = own_server(folder, int(stack.environ["MONGODB_PORT"]))
    with kaggle.running(int(stack.environ["KAGGLE_PORT"])), mongodb:
        push(settings_from(stack.environ), str(csv), lambda _: None)
        yield Feeds(csv, expected)


@pytest.mark.parametrize("source", ["file", "kaggle", "mongodb"])
def test_listings_of_each_source_go_through_both_dags(stack, airflow, feeds, source):
    before = triggered_by_the_asset(airflow)
    run_id = airflow_run(airflow, INGEST, feeds.form(source), "success")
    page = contract_report(stack, airflow, INGEST, run_id)
    assert f"Contract report: {source}" in page and f"{ROWS:,}" in page
    trained = newly(airflow, before)
    assert ended(airflow, TRAIN, trained) == "success"
    leads_to_its_data(stack, airflow, trained, feeds)


def test_training_reads_a_source_by_itself_too(stack, airflow, feeds):
    form = feeds.form("mongodb") | {"families": ["xgboost"]}
    run_id = airflow_run(airflow, TRAIN, form, "success")
    assert "Contract report: mongodb" in contract_report(stack, airflow, TRAIN, run_id)
    leads_to_its_data(stack, airflow, run_id, feeds)


def test_a_feed_that_breaks_a_limit_changes_nothing_and_says_why(stack, airflow, feeds):
    runs, good = triggered_by_the_asset(airflow), feeds.csv.read_bytes()
    generate(ROWS, seed=9).assign(price="0").to_csv(feeds.csv, index=False)
    run_id = airflow_run(airflow, INGEST, feeds.form("file"), "failed")
    page = contract_report(stack, airflow, INGEST, run_id)
    assert "Stopped: nothing was stored" in page and "MAX_QUARANTINED_SHARE" in page
    feeds.csv.write_bytes(good)
    again = airflow_run(airflow, TRAIN, feeds.form("file") | {"families": ["xgboost"]}, "success")
    leads_to_its_data(stack, airflow, again, feeds)
    assert triggered_by_the_asset(airflow) == runs


def leads_to_its_data(stack, airflow: Airflow, run_id: str, feeds: Feeds) -> None:
    """The model of a training run names its data: hash, time span and contract report."""
    entry = f"{path(TRAIN, run_id)}/taskInstances/gate/xcomEntries/return_value"
    decision = airflow.request(f"{entry}?deserialize=true")["value"]
    version = Registry(stack.mlflow_url).numbered(decision["version"])
    expected = feeds.expected
    assert version.tags["data_sha256"] == expected["sha256"]
    assert version.tags["data_span"] == f"{expected['first_day']} to {expected['last_day']}"
    assert Path(version.tags["contract_report"]).is_file()
    assert "Contract report" in artifact(stack, version.run_id)


def contract_report(stack, airflow: Airflow, dag: str, run_id: str) -> str:
    """The page behind the button in Airflow."""
    task = f"{path(dag, run_id)}/taskInstances/contract_report"
    assert airflow.request(task)["state"] == "success"
    address = airflow.request(f"{task}/links")["extra_links"]["Contract report"]
    assert address.startswith(f"{stack.mlflow_url}/#/experiments/")
    return artifact(stack, address.split("/runs/")[1].split("/")[0])


def artifact(stack, run_id: str) -> str:
    """The contract report among a run's artifacts."""
    address = f"{stack.mlflow_url}/get-artifact?path=contract_report.html&run_uuid={run_id}"
    answer = requests.get(address, timeout=30)
    assert answer.status_code == 200
    return answer.text


def airflow_run(airflow: Airflow, dag: str, form: dict, state: str) -> str:
    """Start a DAG, wait for its end, which must be `state`; the run's id."""
    body = {"logical_date": None, "conf": form}
    run_id = airflow.request(f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"]
    assert ended(airflow, dag, run_id) == state
    return run_id


def ended(airflow: Airflow, dag: str, run_id: str) -> str:
    """The state in which the run ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = airflow.request(path(dag, run_id))["state"]
        if state in ("success", "failed"):
            return state
        time.sleep(1)
    return f"still {state} after {PATIENCE} s"


def triggered_by_the_asset(airflow: Airflow) -> set[str]:
    """Ids of the training runs that an ingest has started."""
    runs = airflow.request(f"/api/v2/dags/{TRAIN}/dagRuns?limit=100")["dag_runs"]
    return {run["dag_run_id"] for run in runs if run["run_type"] == "asset_triggered"}


def newly(airflow: Airflow, before: set[str]) -> str:
    """The training run that an ingest has started since."""
    deadline = time.monotonic() + PATIENCE
    while not (new := triggered_by_the_asset(airflow) - before):
        assert time.monotonic() < deadline, "the ingest started no training"
        time.sleep(1)
    return new.pop()


def path(dag: str, run_id: str) -> str:
    """The run in Airflow's API."""
    return f"/api/v2/dags/{dag}/dagRuns/{run_id}"
