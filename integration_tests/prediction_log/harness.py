"""The prediction log in processes that can be killed: PostgreSQL behind a proxy, the forwarder and
Gunicorn, on free ports."""

import http.client
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import HOST, free_ports
from integration_tests.helpers.processes import SupervisedProcess
from integration_tests.helpers.service import worker_pids
from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.database_proxy import OPEN, REFUSING, DatabaseProxy
from service.outbox.outbox import Outbox
from setup.native import postgres
from vehicle_price.model.artifact import save
from vehicle_price.prediction_log.database import Address

PASSWORD = "only-for-tests"
RUN_ID = "harness"  # the MLflow run of the model that it serves
DATABASE_SECONDS = 30
OUTBOX_BYTES = 2**28


class PredictionLogHarness:
    """All processes on free ports, with everything they write in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service_port, database_port = free_ports(2)
        self.proxy = DatabaseProxy(database_port)
        url = f"postgresql://postgres:{PASSWORD}@{HOST}"
        self.database = Address(f"{url}:{database_port}/vehicle_price")
        self.environ = os.environ | {
            "LOCAL_DIR": str(folder),
            "SERVICE_PORT": str(self.service_port),
            "PREDICTION_DATABASE_URL": f"{url}:{self.proxy.port}/vehicle_price",
            "WEB_WORKERS": "2",
            "OMP_NUM_THREADS": "1",
        }
        self.postgres = SupervisedProcess(
            _postgres(folder, database_port),
            dict(os.environ),
            folder / "postgres.log",
            stop_signal=signal.SIGINT,
        )
        self.forwarder = self.program("forwarder", "service.forwarder")
        self.service = self.program("service", "gunicorn", "-c", "service/gunicorn.conf.py")
        self.service.stop_signal = signal.SIGQUIT  # SIGTERM waits for open connections

    def program(self, name: str, module: str, *arguments: str) -> SupervisedProcess:
        """`python -m <module>` with the harness's environment, not started yet."""
        command = [sys.executable, "-m", module, *arguments]
        return SupervisedProcess(command, self.environ, self.folder / f"{name}.log")

    def start(self) -> None:
        """Start everything and wait until the service and the database answer."""
        for program in (self.postgres, self.forwarder, self.service):
            program.start()
        self.open_database()
        self.wait_for_service()

    def open_database(self) -> None:
        """Open the proxy and create the database, once PostgreSQL runs."""
        self.proxy.switch(OPEN)
        url = self.database.url.replace("/vehicle_price", "/postgres")
        wait_until(lambda: _created(url), DATABASE_SECONDS)

    def stop(self) -> None:
        """End everything."""
        for program in (self.service, self.forwarder, self.postgres):
            program.stop()
        self.proxy.switch(REFUSING)

    def workers(self) -> set[int]:
        """Process ids of Gunicorn's workers."""
        return worker_pids(self.service.process.pid)

    def kill(self, victim: str) -> None:
        """kill -9 of a worker, of Gunicorn's master, of the forwarder or of PostgreSQL."""
        if victim == "worker":
            with suppress(OSError, IndexError):
                os.kill(random.choice(sorted(self.workers())), signal.SIGKILL)
        else:
            programs = {
                "master": self.service,
                "forwarder": self.forwarder,
                "postgres": self.postgres,
            }
            programs[victim].kill()

    def query(self, sql: str, *values: object) -> list[tuple]:
        """Rows from the database, without the proxy."""
        deadline = time.monotonic() + DATABASE_SECONDS
        while True:
            try:
                with closing(psycopg2.connect(self.database.url)) as connection:
                    with connection, connection.cursor() as cursor:
                        cursor.execute(sql, values)
                        return cursor.fetchall()
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def outbox(self) -> Outbox:
        """The outbox that the service writes and the forwarder empties."""
        return Outbox(self.folder / "outbox" / "outbox.sqlite", OUTBOX_BYTES)

    def waiting(self) -> int:
        """Records in the outbox."""
        with closing(self.outbox()) as outbox:
            return outbox.fill().records

    def drain(self, timeout: float) -> float:
        """Wait until the outbox is empty; seconds it took. Raises TimeoutError."""
        started = time.monotonic()
        while records := self.waiting():
            if time.monotonic() - started > timeout:
                raise TimeoutError(f"{records} records are still in the outbox after {timeout:g} s")
            time.sleep(0.1)
        return time.monotonic() - started

    def wait_for_service(self) -> None:
        """Return once it serves a model."""
        try:
            wait_until(self._is_ready, 60)
        except TimeoutError as error:
            log = (self.folder / "service.log").read_text("utf-8")
            raise TimeoutError(log[-3_000:]) from error

    def _is_ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            with closing(http.client.HTTPConnection(HOST, self.service_port, timeout=5)) as client:
                client.request("GET", "/ready")
                return client.getresponse().status == 200
        return False


@contextmanager
def prediction_log_harness(
    valuation: object, started: bool = True
) -> Iterator[PredictionLogHarness]:
    """A harness that serves `valuation`, running or not yet; its folder is deleted in the end."""
    folder = Path(tempfile.mkdtemp(prefix="vehicle-price-log-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user
    _save_model(valuation, folder / "model")
    harness = PredictionLogHarness(folder)
    try:
        with keep_logs(folder):
            if started:
                harness.start()
            yield harness
    finally:
        harness.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _save_model(valuation: object, model_dir: Path) -> None:
    """The model as model-sync hands it over, as version 1."""
    version = model_dir / "versions" / "1-harness"
    version.parent.mkdir(parents=True)
    manifest = save(valuation, version)
    current = {
        "name": "vehicle-price",
        "version": "1",
        "run_id": RUN_ID,
        "folder": "versions/1-harness",
        "tags": {"manifest_sha256": manifest, "data_sha256": "d" * 64, "git_commit": "c" * 40},
        "metrics": {},
    }
    (model_dir / "current.json").write_text(json.dumps(current), encoding="utf-8")


def _created(url: str) -> bool:
    """Whether the database could be created; False while PostgreSQL does not answer."""
    try:
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE vehicle_price")
        return True
    except psycopg2.OperationalError:
        return False


def _postgres(folder: Path, port: int) -> list[str]:
    """Initialise a data folder; the command that starts the server."""
    data = folder / "postgres"
    postgres.allow_traversal(Path(postgres.binary("postgres")))
    postgres.initialise(data, PASSWORD)
    options = [f"-c{name}={value}" for name, value in postgres.SERVER_OPTIONS.items()]
    server = [postgres.binary("postgres"), "-D", str(data), f"-p{port}", *options]
    return [*postgres.unprivileged(), *server]
