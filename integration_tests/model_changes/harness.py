"""MLflow, model-sync and the service on free ports, and clients that check every answer.

model-sync polls every ten minutes here, so that earlier changes can only come by the webhook.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import requests

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.mlflow_server import (
    copy_artifact,
    mlflow_server,
    register_version,
    set_alias,
)
from integration_tests.helpers.ports import free_ports
from integration_tests.helpers.processes import ROOT
from integration_tests.helpers.waiting import wait_until
from integration_tests.model_changes.storage_proxy import StorageProxy, storage_proxy
from setup.mlflow_access.users import Administrator, register_webhook
from unit_tests.helpers import broken_models, tiny
from vehicle_price.listing.validation import check_many
from vehicle_price.model import artifact

SERVING = 8  # answers in a row of one version: then both workers serve it


@dataclass
class ModelChangeHarness:
    """The addresses of MLflow and of the service `url`, and the folder that both write to.

    environ: of the service and of model-sync. good: the artifacts of the versions 1, 2 and 3.
    storage: the proxy between model-sync and MLflow.
    """

    mlflow_url: str
    url: str
    folder: Path
    environ: dict[str, str]
    good: list[Path]
    storage: StorageProxy

    def set_alias(self, alias: str, version: str) -> None:
        """Set an alias in the registry, as a user does."""
        set_alias(self.mlflow_url, alias, version)

    def model(self) -> dict:
        """The answer to GET /model."""
        return requests.get(f"{self.url}/model", timeout=20).json()

    def serves(self, version: str) -> bool:
        """Whether SERVING answers in a row name this version."""
        return all(self.model().get("version") == version for _ in range(SERVING))

    def answers(self, version: str) -> bool:
        """The same as `serves`, but False while nothing listens."""
        try:
            return self.serves(version)
        except (requests.ConnectionError, ValueError):
            return False

    @contextmanager
    def process(self, name: str, *command: str, stop_signal: signal.Signals = signal.SIGTERM):
        """`python -m <command>`, until the block ends."""
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
                process.send_signal(stop_signal)

    def gunicorn(self):
        """The service, until the block ends."""
        # SIGQUIT, unlike SIGTERM, does not wait for MLflow's open connection to the webhook.
        command = ("gunicorn", "-c", "service/gunicorn.conf.py")
        return self.process("service", *command, stop_signal=signal.SIGQUIT)


def good_models(folder: Path) -> list[Path]:
    """Three models whose prices differ a little."""
    artifact.save(tiny.valuation("xgboost"), folder / "1")
    for number, factor in ((2, 1.05), (3, 0.95)):
        changed = copy_artifact(folder / "1", folder / str(number))
        broken_models.make_wrong(changed, broken_models.prices_times(factor))
    return [folder / str(number) for number in (1, 2, 3)]


@contextmanager
def model_change_harness(folder: Path) -> Iterator[ModelChangeHarness]:
    """A harness that serves version 1 of three, and receives MLflow's webhooks."""
    with keep_logs(folder), _started(folder) as harness:
        yield harness


@contextmanager
def _started(folder: Path) -> Iterator[ModelChangeHarness]:
    good, ports = good_models(folder / "good"), free_ports(2)
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
        harness = ModelChangeHarness(mlflow_url, url, folder, environ, good, storage)
        for artifact_folder in good:
            register_version(mlflow_url, artifact_folder)
        harness.set_alias("production", "1")
        with harness.gunicorn(), harness.process("model-sync", "service.model_sync"):
            wait_until(lambda: harness.answers("1"))
            secret = (folder / "secrets" / "webhook_secret").read_text("utf-8").strip()
            with Administrator(mlflow_url, password="") as mlflow:  # a server without users
                register_webhook(mlflow, f"{url}/webhooks/mlflow", secret)
            yield harness


class PredictionLoad:
    """Clients that send requests without a pause: single listings, and lists of 1,000.

    expected: version → price of each listing. failed: one text per wrong answer. answers, lists:
    right answers, and those of them to lists. versions: of the right answers.
    """

    def __init__(self, harness: ModelChangeHarness) -> None:
        self.harness = harness
        self.listings = [
            {name: value for name, value in listing.items() if pd.notna(value)}
            for listing in tiny.as_sent(tiny.halves().test.head(40))
        ]
        models = {str(n): artifact.load(folder) for n, folder in enumerate(harness.good, 1)}
        checked = check_many(self.listings, 2021)
        self.expected = {v: [e.price for e in m.price_many(checked)] for v, m in models.items()}
        self.failed: list[str] = []
        self.answers = self.lists = 0
        self.versions: set[str] = set()
        self._stop = threading.Event()

    @contextmanager
    def running(self, singles: int = 3):
        """Send requests while the block runs, single listings from so many threads."""
        threads = [threading.Thread(target=self._send_all, args=(1,)) for _ in range(singles)]
        threads.append(threading.Thread(target=self._send_all, args=(1_000,)))
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _send_all(self, count: int) -> None:
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
        answer = session.post(f"{self.harness.url}/predict", json=sent, timeout=30)
        answer.raise_for_status()
        predictions = answer.json()["predictions"] if len(body) > 1 else [answer.json()]
        versions = {prediction["model"]["version"] for prediction in predictions}
        self.versions |= versions
        if len(versions) > 1:
            raise ValueError(f"an answer of {versions}")
        prices = self.expected[predictions[0]["model"]["version"]]
        if [prediction["price"] for prediction in predictions] != [prices[n] for n in numbers]:
            raise ValueError("a price of another version")
        self.answers += 1
        self.lists += len(body) > 1
