"""The whole platform as `make build` starts it, on other ports and in a folder of its own.

A platform that is running already is not disturbed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_ports
from integration_tests.helpers.service import read_api_key
from integration_tests.kaggle.fake_kaggle import FakeKaggle
from integration_tests.storage.s3_server import client_environment

ROOT = Path(__file__).resolve().parents[2]
PORTS = tuple(
    f"{name}_PORT"
    for name in (
        *("SERVICE", "MLFLOW", "AIRFLOW", "STREAMLIT", "POSTGRES"),
        *("EVIDENTLY", "PROMETHEUS", "GRAFANA"),
    )
)
# For servers that a test starts there later.
SOURCE_PORTS = ("KAGGLE_PORT", "MONGODB_PORT", "S3_PORT")
BUILD_SECONDS = 600


@dataclass(frozen=True)
class NativePlatform:
    """A running platform: the environment it was started with, and what its build printed."""

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
    def mlflow_sign_in(self) -> tuple[str, str]:
        """A user of MLflow who may write, and the password."""
        return "training", self.secret("mlflow_training_password")

    def secret(self, name: str) -> str:
        """The content of a file in LOCAL_DIR/secrets."""
        return (self.local_dir / "secrets" / name).read_text("utf-8").strip()

    @property
    def evidently_url(self) -> str:
        """Address of Evidently's pages."""
        return self._url("EVIDENTLY_PORT")

    @property
    def api_key(self) -> str:
        """The key for routes that change something."""
        return read_api_key(self.local_dir)

    @property
    def local_dir(self) -> Path:
        """Everything this platform writes."""
        return Path(self.environ["LOCAL_DIR"])

    def run(self, command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`python -m setup.native <command>` for this platform."""
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


@contextmanager
def running_platform() -> Iterator[NativePlatform]:
    """A platform after `make build` on a small sample; stopped and deleted at the end."""
    with empty_platform() as platform, keep_logs(platform.local_dir, fixture="platform"):
        build = platform.run("build")
        assert build.returncode == 0, build.stdout
        yield NativePlatform(platform.environ, build.stdout)


@contextmanager
def empty_platform() -> Iterator[NativePlatform]:
    """A platform that was never built; stopped and deleted at the end."""
    # Not pytest's own folder: as root, PostgreSQL runs as another user, and each further pytest
    # that starts closes that folder to all others.
    local_dir = Path(tempfile.mkdtemp(prefix="vehicle-price-"))
    platform = NativePlatform(_environment(local_dir), "")
    try:
        yield platform
    finally:
        platform.run("stop")
        shutil.rmtree(local_dir)


def _environment(local_dir: Path) -> dict[str, str]:
    names = (*PORTS, *SOURCE_PORTS)
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    sample = {"SAMPLE_ROWS": "6000", "SOURCE": "sample", "DATA": "", "TASK_RETRY_SECONDS": "2"}
    # test_privilege.py looks who else can be reached, and what /proc shows of each process.
    sample |= {"SERVICE_BIND_HOST": "0.0.0.0", "SPT_NOENV": "1"}
    own = {"LOCAL_DIR": str(local_dir), "ENV_FILE": str(local_dir / ".env")}
    return dict(os.environ) | own | sample | ports | _sources(ports)


def _sources(ports: dict[str, str]) -> dict[str, str]:
    """Where the platform shall look for Kaggle, MongoDB and S3."""
    kaggle = FakeKaggle(b"", port=int(ports["KAGGLE_PORT"]))
    # Direct: not to the address that the server gives itself, but through the proxy before it.
    url = f"mongodb://127.0.0.1:{ports['MONGODB_PORT']}/vehicle_price?directConnection=true"
    s3 = client_environment(f"http://127.0.0.1:{ports['S3_PORT']}") | {"AWS_MAX_ATTEMPTS": "2"}
    return kaggle.environment | kaggle.key_environment | {"MONGODB_URL": url} | s3
