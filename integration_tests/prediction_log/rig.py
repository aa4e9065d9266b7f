"""The prediction log on free ports, in processes that can be killed: PostgreSQL, a proxy before
it, the forwarder, Gunicorn."""

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

from integration_tests.prediction_log.programs import HOST, Program, Proxy, free_port
from service.outbox.outbox import Outbox
from setup.native import postgres
from vehicle_price.model.artifact import save
from vehicle_price.prediction_log.database import Address

PASSWORD = "only-for-tests"


class Rig:
    """All parts on free ports in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service_port, database_port = free_port(), free_port()
        self.proxy = Proxy(database_port)
        url = f"postgresql://postgres:{PASSWORD}@{HOST}"
        self.database = Address(f"{url}:{database_port}/vehicle_price")
        self.environ = os.environ | {
            "LOCAL_DIR": str(folder),
            "SERVICE_PORT": str(self.service_port),
            "PREDICTION_DATABASE_URL": f"{url}:{self.proxy.port}/vehicle_price",
            "WEB_WORKERS": "2",
            "OMP_NUM_THREADS": "1",
        }
        self.postgres = self._program("postgres", _postgres(folder, database_port))
        self.forwarder = self._program("forwarder", [sys.executable, "-m", "service.forwarder"])
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "service/gunicorn.conf.py"]
        self.service = self._program("service", gunicorn)
        self.programs = (self.postgres, self.forwarder, self.service)

    def start(self) -> None:
        """Start everything and wait until the service and the database answer."""
        for program in self.programs:
            program.start()
        self.let_in()
        self.wait_for_service()

    def let_in(self) -> None:
        """Open the way to the database and make it, once PostgreSQL runs."""
        self.proxy.switch("open")
        self._create_database()

    def stop(self) -> None:
        """End everything."""
        for program in reversed(self.programs):
            program.stop()
        self.proxy.switch("refusing")

    def workers(self) -> list[int]:
        """Process ids of Gunicorn's workers."""
        master = self.service.process.pid
        children = Path(f"/proc/{master}/task/{master}/children")
        return [int(pid) for pid in children.read_text(encoding="ascii").split()]

    def kill(self, what: str) -> None:
        """kill -9 of a worker, of Gunicorn's master, of the forwarder or of PostgreSQL."""
        if what == "worker":
            with suppress(OSError, IndexError):
                os.kill(random.choice(self.workers()), signal.SIGKILL)
        else:
            {"master": self.service, "forwarder": self.forwarder, "postgres": self.postgres}[
                what
            ].kill()

    def query(self, sql: str, *values: object) -> list[tuple]:
        """Rows from the database, past the proxy."""
        deadline = time.monotonic() + 30
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

    def waiting(self) -> int:
        """Records in the outbox."""
        with closing(Outbox(self.folder / "outbox" / "outbox.sqlite", 2**28)) as outbox:
            return outbox.fill().records

    def drain(self, timeout: float) -> float:
        """Wait until the outbox is empty; seconds it took. Raises TimeoutError."""
        began = time.monotonic()
        while left := self.waiting():
            if time.monotonic() - began > timeout:
                raise TimeoutError(f"{left} records are still in the outbox after {timeout:.0f} s")
            time.sleep(0.1)
        return time.monotonic() - began

    def _program(self, name: str, command: list[str]) -> Program:
        environ = self.environ if name != "postgres" else dict(os.environ)
        return Program(name, command, environ, self.folder / f"{name}.log")

    def _create_database(self) -> None:
        url = self.database.url.replace("/vehicle_price", "/postgres")
        deadline = time.monotonic() + 30
        while True:
            try:
                with closing(psycopg2.connect(url)) as connection:
                    connection.autocommit = True
                    with connection.cursor() as cursor:
                        cursor.execute("CREATE DATABASE vehicle_price")
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def wait_for_service(self) -> None:
        """Return once it serves a model."""
        for _ in range(300):
            with suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection(HOST, self.service_port, timeout=5)
                line.request("GET", "/ready")
                if line.getresponse().status == 200:
                    return
            time.sleep(0.2)
        raise TimeoutError((self.folder / "service.log").read_text("utf-8")[-3000:])


@contextmanager
def rig_with(valuation: object, started: bool = True) -> Iterator[Rig]:
    """A rig that serves `valuation`, running or not yet; its folder is deleted in the end."""
    folder = Path(tempfile.mkdtemp(prefix="vehicle-price-log-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user
    version = folder / "model" / "versions" / "1-rig"
    version.parent.mkdir(parents=True)
    manifest = save(valuation, version)
    current = {
        "name": "vehicle-price",
        "version": "1",
        "run_id": "rig",
        "folder": "versions/1-rig",
        "tags": {"manifest_sha256": manifest, "data_sha256": "d" * 64, "git_commit": "c" * 40},
        "metrics": {},
    }
    (folder / "model" / "current.json").write_text(json.dumps(current), encoding="utf-8")
    rig = Rig(folder)
    try:
        if started:
            rig.start()
        yield rig
    finally:
        rig.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _postgres(folder: Path, port: int) -> list[str]:
    data = folder / "postgres"
    postgres.open_way(Path(postgres.binary("postgres")))
    postgres.initialise(data, PASSWORD)
    options = [f"-c{name}={value}" for name, value in postgres.SERVER_OPTIONS.items()]
    server = [postgres.binary("postgres"), "-D", str(data), f"-p{port}", *options]
    return [*postgres.unprivileged(), *server]
