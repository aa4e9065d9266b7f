"""Start the servers that are compared, each as it would be started for production, and end them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from service.json_files import write_json
from vehicle_price.schema import EXAMPLE

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
CONFIGURED = [str(BIN / "gunicorn"), "-c", "service/gunicorn.conf.py"]


class Server(NamedTuple):
    """A server that runs: its port, and the process that its workers are children of."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far."""
        return sum(_cpu_seconds(pid) for pid in _family(self.pid))

    def memory_mb(self) -> float:
        """Memory of all its processes; what they share counts once."""
        return sum(_proportional_kb(pid) for pid in _family(self.pid)) / 1000


@contextmanager
def service(work: Path, artifact: Path, workers: int) -> Iterator[Server]:
    """The service with the model in `artifact`."""
    model_dir = work / "model"
    shutil.copytree(artifact, model_dir / "versions" / "1")
    current = {"name": "vehicle-price", "version": "1", "run_id": "", "folder": "versions/1"}
    write_json(model_dir / "current.json", current)
    with _running(CONFIGURED, free_port(), work, workers) as server:
        until_ready(server.port)
        yield server


@contextmanager
def empty_route(work: Path, workers: int) -> Iterator[Server]:
    """A Flask route that does nothing, under the same settings."""
    command = [*CONFIGURED, "benchmarks.harness.empty_app:create_app()"]
    with _running(command, free_port(), work, workers) as server:
        yield server


@contextmanager
def mlflow_serve(work: Path, artifact: Path, workers: int) -> Iterator[Server]:
    """`mlflow models serve` with the same model, saved as the registry has it."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import infer_signature

    import vehicle_price

    example = pd.DataFrame([EXAMPLE]).astype({"year": float, "odometer": float})
    prices = pd.DataFrame({"price": [1.0], "low": [1.0], "high": [1.0]})
    saved = work / "mlflow-model"
    mlflow.pyfunc.save_model(
        saved,
        python_model=str(Path(vehicle_price.__file__).parent / "registry" / "pyfunc_model.py"),
        artifacts={"valuation": str(artifact)},
        signature=infer_signature(example, prices),
        pip_requirements=[],
    )
    port = free_port()
    command = [str(BIN / "mlflow"), "models", "serve", "-m", str(saved), "-p", str(port)]
    command += ["-h", "127.0.0.1", "--env-manager", "local", "--workers", str(workers)]
    with _running(command, port, work, workers) as server:
        yield server


@contextmanager
def _running(command: list[str], port: int, work: Path, workers: int) -> Iterator[Server]:
    environ = os.environ | {
        "LOCAL_DIR": str(work),
        "SERVICE_PORT": str(port),
        "WEB_WORKERS": str(workers),
        "OMP_NUM_THREADS": "1",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    work.mkdir(parents=True, exist_ok=True)
    with (work / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(port, process, work / f"{port}.log")
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait(60)


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_ready(port: int, seconds: float = 60) -> None:
    """Every worker has loaded the model: enough answers in a row say so."""
    end, ready = time.monotonic() + seconds, 0
    while ready < 20:
        if time.monotonic() > end:
            raise RuntimeError("the service did not load its model")
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/ready")
        ready = ready + 1 if connection.getresponse().status == 200 else 0
        connection.close()
        time.sleep(0.0 if ready else 0.2)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _cpu_seconds(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _proportional_kb(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def _wait(port: int, process: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
            continue
        time.sleep(3)  # MLflow and the empty route do not say when all their workers are up
        return
    raise RuntimeError(f"the server did not come up: {log.read_text(errors='replace')[-2000:]}")
