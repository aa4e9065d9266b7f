"""Listings of every source go through both DAGs, and each run leads to the data it read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from integration_tests.kaggle.archives import zip_archive
from integration_tests.kaggle.fake_kaggle import FakeKaggle
from integration_tests.mongodb.mongodb_server import running_server
from integration_tests.platform.airflow_runs import INGEST, TRAIN, AirflowRuns
from setup.native.environment import settings_from
from vehicle_price.pipelines import ingestion
from vehicle_price.registry.client import Registry
from vehicle_price.settings import Settings
from vehicle_price.sources.mongodb.push import push
from vehicle_price.sources.sample.source import generate

ROWS = 3_000


@dataclass(frozen=True)
class Feeds:
    """The same listings in a file, on Kaggle and in MongoDB. expected: facts of their dataset."""

    csv: Path
    expected: dict

    def form(self, source: str) -> dict[str, str]:
        """The values to fill in on Airflow's page."""
        return {"source": source, "data": str(self.csv) if source == "file" else ""}


@pytest.fixture(name="feeds", scope="module")
def _feeds(platform, tmp_path_factory) -> Iterator[Feeds]:
    folder = tmp_path_factory.mktemp("feeds")
    csv = folder / "vehicles.csv"
    generate(ROWS, seed=9).to_csv(csv, index=False)
    own_store = Settings(data_root=str(folder / "data"), local_dir=str(folder))
    expected = ingestion.ingest(own_store, "file", str(csv), 0, 0)
    kaggle = FakeKaggle(zip_archive(csv.read_bytes()))
    mongodb = running_server(folder, int(platform.environ["MONGODB_PORT"]))
    with kaggle.running(int(platform.environ["KAGGLE_PORT"])), mongodb:
        push(settings_from(platform.environ), str(csv), lambda _: None)
        yield Feeds(csv, expected)


def test_listings_of_a_source_go_through_both_dags(platform, airflow, feeds):
    ingest = ingested(platform, airflow, feeds, "file")
    training = airflow.training_after(ingest)
    assert airflow.final_state(TRAIN, training) == "success"
    assert_names_its_data(platform, airflow, training, feeds)


@pytest.mark.parametrize("source", ["kaggle", "mongodb"])
def test_every_other_source_starts_a_training_on_the_same_listings(
    platform, airflow, feeds, source
):
    ingest = ingested(platform, airflow, feeds, source)
    training = airflow.training_after(ingest)
    (dataset,) = airflow.dataset_events(training)
    assert dataset["sha256"] == feeds.expected["sha256"]
    # The training itself would be that of the test before, once more.
    airflow.cancel(TRAIN, training)


def test_training_reads_a_source_by_itself_too(platform, airflow, feeds):
    form = feeds.form("mongodb") | {"families": ["xgboost"]}
    run_id = airflow.run(TRAIN, form)
    assert "Contract report: mongodb" in contract_report(platform, airflow, TRAIN, run_id)
    assert_names_its_data(platform, airflow, run_id, feeds)


def test_a_feed_that_breaks_a_limit_changes_nothing_and_says_why(platform, airflow, feeds):
    before, good = airflow.asset_triggered(), feeds.csv.read_bytes()
    generate(ROWS, seed=9).assign(price="0").to_csv(feeds.csv, index=False)
    run_id = airflow.run(INGEST, feeds.form("file"), "failed")
    page = contract_report(platform, airflow, INGEST, run_id)
    assert "Stopped: nothing was stored" in page and "MAX_QUARANTINED_SHARE" in page
    assert airflow.asset_triggered() == before
    feeds.csv.write_bytes(good)
    settings = settings_from(platform.environ)
    assert ingestion.ingest(settings, "file", str(feeds.csv), 0, 0)["batch"]["new"] == 0


def ingested(platform, airflow: AirflowRuns, feeds: Feeds, source: str) -> str:
    """Run the ingest DAG on a source and check its contract report; the run's id."""
    ingest = airflow.start(INGEST, feeds.form(source))
    assert airflow.final_state(INGEST, ingest) == "success"
    page = contract_report(platform, airflow, INGEST, ingest)
    assert f"Contract report: {source}" in page and f"{ROWS:,}" in page
    return ingest


def assert_names_its_data(platform, airflow: AirflowRuns, run_id: str, feeds: Feeds) -> None:
    """The model of a training run names its data: hash, time span and contract report."""
    entry = "/taskInstances/gate/xcomEntries/return_value?deserialize=true"
    decision = airflow.get(TRAIN, run_id, entry)["value"]
    version = Registry(platform.mlflow_url).version_by_number(decision["version"])
    expected = feeds.expected
    assert version.tags["data_sha256"] == expected["sha256"]
    assert version.tags["data_span"] == f"{expected['first_day']} to {expected['last_day']}"
    assert Path(version.tags["contract_report"]).is_file()
    report = artifact_of_run(platform, version.run_id, "contract_report.json").json()
    assert report == json.loads(Path(version.tags["contract_report"]).read_text("utf-8"))


def contract_report(platform, airflow: AirflowRuns, dag: str, run_id: str) -> str:
    """The page behind the button in Airflow."""
    task = "/taskInstances/contract_report"
    assert airflow.get(dag, run_id, task)["state"] == "success"
    address = airflow.get(dag, run_id, f"{task}/links")["extra_links"]["Contract report"]
    assert address.startswith(f"{platform.mlflow_url}/#/experiments/")
    run_id = address.split("/runs/")[1].split("/")[0]
    return artifact_of_run(platform, run_id, "contract_report.html").text


def artifact_of_run(platform, run_id: str, name: str) -> requests.Response:
    """An artifact of an MLflow run."""
    query = f"path={name}&run_uuid={run_id}"
    answer = requests.get(f"{platform.mlflow_url}/get-artifact?{query}", timeout=30)
    assert answer.status_code == 200
    return answer
