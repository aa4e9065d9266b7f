"""One whole stack for all integration tests: real Airflow, MLflow, PostgreSQL, service, page.

It is the native runtime of `make build` with other ports and a folder of its own, so a stack
that is already running is left alone.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration_tests.kaggle.stand_in import StandIn

ROOT = Path(__file__).resolve().parents[1]
PORTS = ("SERVICE_PORT", "MLFLOW_PORT", "AIRFLOW_PORT", "STREAMLIT_PORT", "POSTGRES_PORT")
SOURCE_PORTS = ("KAGGLE_PORT", "MONGODB_PORT")  # nobody listens there before a test does
BUILD_SECONDS = 600
KEPT_LOGS = ROOT / ".local" / "failed-test-logs"


@dataclass(frozen=True)
class Stack:
    """A running stack: the environment it was started with and what its build printed."""

    environ: dict[str, str]
    build_output: str

    @property
    def service_url(self) -> str:
        """Address of the service."""
        return self._url("SERVICE_PORT")

    @property
    def streamlit_url(self) -> str:
        """Address of the page."""
        return self._url("STREAMLIT_PORT")

    @property
    def airflow_url(self) -> str:
        """Address of Airflow."""
        return self._url("AIRFLOW_PORT")

    @property
    def mlflow_url(self) -> str:
        """Address of MLflow."""
        return self._url("MLFLOW_PORT")

    @property
    def api_key(self) -> str:
        """The key for routes that change something."""
        return (self.local_dir / "secrets" / "api_key").read_text("utf-8").strip()

    @property
    def local_dir(self) -> Path:
        """Everything this stack writes."""
        return Path(self.environ["LOCAL_DIR"])

    def run(self, command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`python -m setup.native <command>` for this stack."""
        return subprocess.run(
            [sys.executable, "-m", "setup.native", *command.split()],
            env=self.environ | environ,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_SECONDS,
            check=False,
        )

    def _url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.environ[port]}"


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack after `make build` on a small sample; stopped at the end.

    After a failure its logs are kept in .local/failed-test-logs.
    """
    # Not pytest's own folder: as root, PostgreSQL runs as another user, and each further pytest
    # that starts closes that folder to all others.
    local = Path(tempfile.mkdtemp(prefix="vehicle-price-"))
    small = {"LOCAL_DIR": str(local), "SAMPLE_ROWS": "12000", "SOURCE": "sample", "DATA": ""}
    names = (*PORTS, *SOURCE_PORTS)
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    environ = dict(os.environ) | small | ports | sources(ports)
    started = Stack(environ, "").run("build")
    running = Stack(environ, started.stdout)
    try:
        assert started.returncode == 0, started.stdout
        yield running
    finally:
        running.run("stop")
        if request.session.testsfailed:
            shutil.rmtree(KEPT_LOGS, ignore_errors=True)
            shutil.copytree(local / "logs", KEPT_LOGS, ignore_dangling_symlinks=True)
        shutil.rmtree(local)


def sources(ports: dict[str, str]) -> dict[str, str]:
    """Where the stack shall look for Kaggle and MongoDB."""
    kaggle = StandIn(b"", port=int(ports["KAGGLE_PORT"]))
    url = f"mongodb://127.0.0.1:{ports['MONGODB_PORT']}/vehicle_price"
    return kaggle.environment | kaggle.key_environment | {"MONGODB_URL": url}


def free_ports(number: int) -> list[int]:
    """Free ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
