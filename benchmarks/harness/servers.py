"""The servers that are compared, each started as for production, and ended with its block."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from integration_tests.helpers.ports import free_port
from integration_tests.helpers.service import worker_pids
from service.json_files import write_json
from setup.native import postgres, variables
from setup.native.environment import settings_from
from vehicle_price.prediction_log.database import address_of
from vehicle_price.prediction_log.migrations.schema import migrate
from vehicle_price.schema import EXAMPLE

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [str(BIN / "gunicorn"), "-c", "service/gunicorn.conf.py"]
READY_ANSWERS = 20
RECORDS = "vehicle_price_outbox_records "
UVICORN = "uvicorn_worker.UvicornWorker"
START_SECONDS = 3  # MLflow and the empty route do not report when all their workers have started


class Server(NamedTuple):
    """A running server: its port, and the process whose children are the workers."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time of all its processes since their start."""
        return sum(_cpu_seconds(pid) for pid in _process_tree(self.pid))

    def memory_mb(self) -> float:
        """Memory of all its processes; memory that they share counts once."""
        return sum(_proportional_kb(pid) for pid in _process_tree(self.pid)) / 1000


@contextmanager
def prediction_log(work: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and the forwarder, as in production; the environment of a service that uses them.

    `work` must be a folder that every user may enter: as root, PostgreSQL runs as another user.
    """
    environ = {"LOCAL_DIR": str(work), "POSTGRES_PORT": str(free_port())}
    settings = settings_from(os.environ | environ)
    with running_process(
        [sys.executable, "-m", "setup.native.postgres"], environ, work / "postgres.log"
    ):
        postgres.create_databases(settings)
        owner = environ | variables.prediction_log(settings, "vehicle_price_owner")
        migrate(address_of(settings_from(os.environ | owner)))
        environ |= variables.prediction_log(settings, "vehicle_price_service")
        command = [sys.executable, "-m", "service.forwarder"]
        with running_process(command, environ, work / "forwarder.log"):
            yield environ


@contextmanager
def service(
    work: Path, artifact: Path, workers: int, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The service with the model in `artifact`. environ: of the prediction log, if it runs."""
    model_dir = work / "model"
    shutil.copytree(artifact, model_dir / "versions" / "1")
    current = {"name": "vehicle-price", "version": "1", "run_id": "", "folder": "versions/1"}
    write_json(model_dir / "current.json", current)
    with _running(GUNICORN, free_port(), work, workers, environ) as server:
        wait_until_ready(server.port)
        yield server


@contextmanager
def empty_route(work: Path, workers: int, worker_class: str) -> Iterator[Server]:
    """A route that does nothing, under Gunicorn: in FastAPI with uvicorn's worker, else in Flask.

    worker_class: sync, gthread (8 threads, connections are kept) or UVICORN.
    """
    app = "fastapi_app" if worker_class == UVICORN else "flask_app"
    port = free_port()
    command = [str(BIN / "gunicorn"), "--no-control-socket", "-b", f"127.0.0.1:{port}"]
    command += ["-w", str(workers), "-k", worker_class, "--threads", "8"]
    with _running(
        [*command, f"benchmarks.harness.empty_apps:{app}()"], port, work, workers
    ) as server:
        time.sleep(START_SECONDS)
        yield server


@contextmanager
def mlflow_serve(work: Path, artifact: Path, workers: int) -> Iterator[Server]:
    """`mlflow models serve` with the same model, saved in the same format as in the registry."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import infer_signature

    import vehicle_price

    example = pd.DataFrame([EXAMPLE]).astype({"year": float, "odometer": float})
    prices = pd.DataFrame({"price": [1.0], "low": [1.0], "high": [1.0]})
    model_folder = work / "mlflow-model"
    mlflow.pyfunc.save_model(
        model_folder,
        python_model=str(Path(vehicle_price.__file__).parent / "registry" / "pyfunc_model.py"),
        artifacts={"valuation": str(artifact)},
        signature=infer_signature(example, prices),
        pip_requirements=[],
    )
    port = free_port()
    command = [str(BIN / "mlflow"), "models", "serve", "-m", str(model_folder), "-p", str(port)]
    command += ["-h", "127.0.0.1", "--env-manager", "local", "--workers", str(workers)]
    with _running(command, port, work, workers) as server:
        time.sleep(START_SECONDS)
        yield server


@contextmanager
def _running(
    command: list[str],
    port: int,
    work: Path,
    workers: int,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    own_environ = {
        "LOCAL_DIR": str(work),
        "SERVICE_PORT": str(port),
        "WEB_WORKERS": str(workers),
        "OMP_NUM_THREADS": "1",
    }
    work.mkdir(parents=True, exist_ok=True)
    with running_process(
        command, own_environ | dict(environ or {}), work / f"{port}.log"
    ) as process:
        _wait_until_listening(port, process, work / f"{port}.log")
        yield Server(port, process.pid)


@contextmanager
def running_process(
    command: list[str], environ: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen]:
    """A process that is ended with the block."""
    environ = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"} | dict(environ)
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=file, stderr=file, process_group=0
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def wait_until_ready(port: int, seconds: float = 60) -> None:
    """Return after READY_ANSWERS successes in a row: then every worker has loaded the model."""
    deadline, ready = time.monotonic() + seconds, 0
    while ready < READY_ANSWERS:
        if time.monotonic() > deadline:
            raise RuntimeError("the service did not load its model")
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/ready")
        ready = ready + 1 if connection.getresponse().status == 200 else 0
        connection.close()
        time.sleep(0.0 if ready else 0.2)


def wait_until_forwarded(port: int, seconds: float = 300) -> None:
    """Return when the forwarder has moved all records of the service, and rests."""
    deadline = time.monotonic() + seconds
    while _outbox_records(port):
        if time.monotonic() > deadline:
            raise RuntimeError("the forwarder did not empty the outbox")
        time.sleep(0.5)  # each look is a request to the service


def _outbox_records(port: int) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return float(next(line for line in lines if line.startswith(RECORDS)).split()[1])


def _process_tree(pid: int) -> list[int]:
    return [pid, *(member for child in worker_pids(pid) for member in _process_tree(child))]


def _cpu_seconds(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _proportional_kb(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def _wait_until_listening(
    port: int, process: subprocess.Popen, log: Path, seconds: float = 120
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
            continue
        return
    raise RuntimeError(f"the server did not come up: {log.read_text(errors='replace')[-2000:]}")
