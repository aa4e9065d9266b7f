"""The same listings in a file, on a fake Kaggle and in a real MongoDB; what a run made of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from integration_tests.kaggle.archives import zip_archive
from integration_tests.kaggle.fake_kaggle import FakeKaggle
from integration_tests.mongodb.mongodb_server import MongodbServer, running_server
from integration_tests.platform.airflow_runs import TRAIN, AirflowRuns
from integration_tests.platform.breaking_servers import KillingProxy
from integration_tests.platform.native_platform import NativePlatform
from integration_tests.prediction_log.database_proxy import OPEN, REFUSING
from setup.native.environment import settings_from
from vehicle_price.pipelines import ingestion
from vehicle_price.registry.client import Registry
from vehicle_price.settings import Settings
from vehicle_price.sources.mongodb.push import push
from vehicle_price.sources.sample.source import generate

ROWS = 3_000


@dataclass(frozen=True)
class Feeds:
    """The same listings in a file, on Kaggle and in MongoDB. expected: facts of their dataset.
    mongodb: the server. proxy: before it, where the platform looks for MongoDB."""

    csv: Path
    expected: dict
    mongodb: MongodbServer
    proxy: KillingProxy

    def form(self, source: str) -> dict[str, str]:
        """The values to fill in on Airflow's page."""
        return {"source": source, "data": str(self.csv) if source == "file" else ""}


@contextmanager
def running_feeds(platform: NativePlatform, folder: Path) -> Iterator[Feeds]:
    """Kaggle and MongoDB where `platform` looks for them, with the listings of a file."""
    csv = folder / "vehicles.csv"
    generate(ROWS, seed=9).to_csv(csv, index=False)
    own_store = Settings(data_root=str(folder / "data"), local_dir=str(folder))
    expected = ingestion.ingest(own_store, "file", str(csv), 0, 0)
    kaggle = FakeKaggle(zip_archive(csv.read_bytes()))
    with kaggle.running(int(platform.environ["KAGGLE_PORT"])), running_server(folder) as mongodb:
        proxy = KillingProxy(mongodb, int(platform.environ["MONGODB_PORT"]))
        proxy.switch(OPEN)
        push(settings_from(platform.environ), str(csv), lambda _: None)
        try:
            yield Feeds(csv, expected, mongodb, proxy)
        finally:
            proxy.switch(REFUSING)


def assert_names_its_data(platform, airflow: AirflowRuns, run_id: str, feeds: Feeds) -> None:
    """The model of a training run names its data: hash, time span and contract report."""
    decision = airflow.result(TRAIN, run_id, "gate")
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
    answer = requests.get(
        f"{platform.mlflow_url}/get-artifact?{query}", auth=platform.mlflow_sign_in, timeout=30
    )
    assert answer.status_code == 200
    return answer
