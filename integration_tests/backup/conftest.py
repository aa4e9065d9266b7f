"""A platform that was saved and deleted: what it had answered, and its backups."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from integration_tests.backup.listings import answers_to, log_ids, succeed, thousand_cars
from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import TRAIN, AirflowRuns
from integration_tests.platform.native_platform import NativePlatform, running_platform
from integration_tests.storage.s3_server import BUCKET, s3_server
from setup.native import stack
from setup.native.environment import ROOT, settings_from
from setup.runtime import training_run

FORWARDER = "prediction-forwarder"
PLACE_ON_S3 = f"s3://{BUCKET}/team/backups"
CONNECTION = {"connection_id": "warehouse", "conn_type": "http", "password": "of-the-warehouse"}


@dataclass(frozen=True)
class Saved:
    """What is known of the platform.

    predictions: of the thousand listings. answered: ids of what was answered before the backups in
    which `others` ask. waiting: a backup that was made while the forwarder was down. in_folder,
    on_s3: made while clients asked. runs: of the training DAG. client_key: made by `keys add`.
    fernet_key: of Airflow.
    """

    listings: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    answered: set[str]
    waiting: str
    in_folder: str
    on_s3: str
    runs: set[str]
    client_key: str
    fernet_key: str


@pytest.fixture(name="s3", scope="package")
def fixture_s3() -> Iterator[dict[str, str]]:
    """The variables that lead to an S3 server."""
    with s3_server() as environ:
        yield environ | {"AWS_MAX_ATTEMPTS": "2"}


@pytest.fixture(name="saved", scope="package")
def fixture_saved(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A platform after `make build`, saved three times, of which only the backups are left."""
    with running_platform() as platform:
        return _save(platform, tmp_path_factory.mktemp("backups"), s3)


def _save(platform: NativePlatform, place: Path, s3: dict[str, str]) -> Saved:
    environ = platform.environ | s3 | {"RUNTIME": "native"}
    listings, settings = thousand_cars(environ), settings_from(environ)
    training_run.connect(settings).request("/api/v2/connections", CONNECTION)
    client_key = _new_key(environ)
    stack.supervisor(settings).stopProcess(FORWARDER)
    predictions = answers_to(platform.service_url, listings)
    succeed(environ, "setup.backup", "save", str(place))
    (waiting,) = place.iterdir()
    stack.launch(settings, FORWARDER)
    wait_until(lambda: log_ids(environ) >= {p["prediction_id"] for p in predictions})
    with _asking(platform.service_url, listings[0]) as others:
        wait_until(lambda: len(others) > 20)
        answered = {p["prediction_id"] for p in predictions} | set(others)
        succeed(environ, "setup.backup", "save", str(place), "--keep", "2")
        succeed(environ, "setup.backup", "save", PLACE_ON_S3)
    listed = succeed(environ, "setup.backup", "list", PLACE_ON_S3)
    return Saved(
        listings=listings,
        predictions=predictions,
        answered=answered,
        waiting=str(waiting),
        in_folder=str(max(place.iterdir())),
        on_s3=f"{PLACE_ON_S3}/{listed.split()[0]}",
        runs=AirflowRuns(settings).ids(TRAIN),
        client_key=client_key,
        fernet_key=platform.secret("airflow_fernet_key"),
    )


def _new_key(environ: dict[str, str]) -> str:
    command = [ROOT / ".venv" / "bin" / "vehicle-price", "keys", "add", "partner"]
    return subprocess.check_output(command, env=environ, cwd=ROOT, text=True).split()[-1]


@contextmanager
def _asking(service_url: str, listing: dict[str, Any]) -> Iterator[list[str]]:
    """Ask for prices without a pause; the list of the answers' ids grows meanwhile."""
    ids: list[str] = []
    ended = Event()

    def ask() -> None:
        while not ended.is_set():
            answer = requests.post(f"{service_url}/predict", json=listing, timeout=30)
            ids.append(answer.json()["prediction_id"])

    client = Thread(target=ask)
    client.start()
    try:
        yield ids
    finally:
        ended.set()
        client.join()
