"""MLflow, its sidecar and the service on free ports, and clients that notice every wrong answer.

Polling is set to ten minutes, so whatever happens before that was brought by the webhook.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import requests

from integration_tests.model_changes.mlflow_server import (
    copied,
    mlflow_server,
    registered,
    wait_until,
)
from integration_tests.model_changes.storage_proxy import StorageProxy, storage_proxy
from integration_tests.service.test_process import free_port
from unit_tests.helpers import broken_models, tiny
from vehicle_price.listing.validation import check_many
from vehicle_price.model import artifact
from vehicle_price.registry.client import MODEL_NAME

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds that a busy machine may need for what takes an idle one two


@dataclass
class Stage:
    """What runs: MLflow's address, the service's, and where both leave things.

    storage: between the sidecar and MLflow.
    """

    mlflow_url: str
    url: str
    folder: Path
    environ: dict[str, str]
    good: list[Path]
    storage: StorageProxy

    def put(self, alias: str, version: str) -> None:
        """Set an alias in the registry, as a user does."""
        mlflow.MlflowClient(self.mlflow_url).set_registered_model_alias(MODEL_NAME, alias, version)

    def model(self) -> dict:
        """What GET /model says."""
        return requests.get(f"{self.url}/model", timeout=20).json()

    def serves(self, version: str) -> bool:
        """Whether every one of some answers is this version's; they come from both workers."""
        return all(self.model().get("version") == version for _ in range(8))

    def answers(self, version: str) -> bool:
        """As `serves`, also while nothing listens yet."""
        try:
            return self.serves(version)
        except (requests.ConnectionError, ValueError):
            return False

    @contextmanager
    def process(self, name: str, *command: str):
        """A process of the service, ended in the end."""
        with (
            (self.folder / f"{name}.log").open("a", encoding="utf-8") as log,
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()

    def gunicorn(self):
        """The service, answering."""
        return self.process("service", "gunicorn", "-c", "service/gunicorn.conf.py")


def good_models(folder: Path) -> list[Path]:
    """Three models whose prices differ a little."""
    artifact.save(tiny.valuation("xgboost"), folder / "1")
    for number, factor in ((2, 1.05), (3, 0.95)):
        how = broken_models.prices_times(factor)
        broken_models.make_wrong(copied(folder / "1", folder / str(number)), how)
    return [folder / str(number) for number in (1, 2, 3)]


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A stage that serves version 1 of three, and gets MLflow's webhooks."""
    good, ports = good_models(folder / "good"), (free_port(), free_port())
    environ = os.environ | {
        "LOCAL_DIR": str(folder),
        "SERVICE_PORT": str(ports[0]),
        "MLFLOW_PORT": str(ports[1]),
        "MODEL_POLL_SECONDS": "600",
        "CHALLENGER_MODE": "canary",
        "CANARY_PERCENT": "50",
        "AIRFLOW_URL": "http://127.0.0.1:9",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    with mlflow_server(folder, ports[1]) as mlflow_url, storage_proxy(ports[1]) as storage:
        environ["MLFLOW_TRACKING_URI"] = storage.url
        url = f"http://127.0.0.1:{ports[0]}"
        stage = Stage(mlflow_url, url, folder, environ, good, storage)
        for saved in good:
            registered(mlflow_url, saved)
        stage.put("production", "1")
        with stage.gunicorn(), stage.process("model-sync", "service.model_sync"):
            wait_until(lambda: stage.answers("1"), PATIENCE)
            wait_until(lambda: "sends alias" in (folder / "model-sync.log").read_text(), PATIENCE)
            yield stage


class Load:
    """Clients that ask without a pause: single listings, and a list of 1,000."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.listings = [
            {k: v for k, v in one.items() if pd.notna(v)}
            for one in tiny.as_sent(tiny.halves().test.head(40))
        ]
        models = {str(n): artifact.load(folder) for n, folder in enumerate(stage.good, 1)}
        checked = check_many(self.listings)
        self.expected = {v: [e.price for e in m.price_many(checked)] for v, m in models.items()}
        self.failed: list[str] = []
        self.answers = self.lists = 0
        self.versions: set[str] = set()
        self._stop = threading.Event()

    @contextmanager
    def running(self, singles: int = 3):
        """Ask while the block runs."""
        threads = [threading.Thread(target=self._ask, args=(1,)) for _ in range(singles)]
        threads.append(threading.Thread(target=self._ask, args=(1_000,)))
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self, count: int) -> None:
        numbers = [n % len(self.listings) for n in range(count)]
        body = [self.listings[n] for n in numbers]
        with requests.Session() as session:
            while not self._stop.is_set():
                try:
                    self._check(session, body, numbers)
                except (requests.RequestException, KeyError, ValueError) as error:
                    self.failed.append(repr(error))

    def _check(self, session, body, numbers) -> None:
        sent = body if len(body) > 1 else body[0]
        answer = session.post(f"{self.stage.url}/predict", json=sent, timeout=30)
        answer.raise_for_status()
        found = answer.json()["predictions"] if len(body) > 1 else [answer.json()]
        versions = {one["model"]["version"] for one in found}
        self.versions |= versions
        if len(versions) > 1:
            raise ValueError(f"an answer of {versions}")
        prices = self.expected[found[0]["model"]["version"]]
        if [one["price"] for one in found] != [prices[n] for n in numbers]:
            raise ValueError("a price of another version")
        self.answers += 1
        self.lists += len(body) > 1
