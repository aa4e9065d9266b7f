"""The platform in containers as `make build RUNTIME=docker` starts it, beside any other one."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_ports
from integration_tests.platform.airflow_runs import AirflowRuns
from setup.docker.__main__ import with_passwords
from setup.docker.stack import Container, Stack
from setup.native.environment import ROOT, read_dotenv, settings_from

PORTS = tuple(
    f"{name}_PORT"
    for name in (
        *("SERVICE", "SERVICE_TLS", "MLFLOW", "AIRFLOW", "STREAMLIT", "POSTGRES"),
        *("EVIDENTLY", "PROMETHEUS", "GRAFANA"),
    )
)
COMMAND_SECONDS = 900
# A network of its own for nginx and the service, away from the default one.
EDGE = {
    "EDGE_SUBNET": "198.18.251.0/28",
    "NGINX_ADDRESS": "198.18.251.2",
    "SERVICE_ADDRESS": "198.18.251.3",
    "STANDBY_ADDRESS": "198.18.251.4",
}


@dataclass(frozen=True)
class DockerPlatform:
    """Containers, the environment they were started with, and what the build printed."""

    environ: dict[str, str]
    build_output: str = ""

    @property
    def service_url(self) -> str:
        """Address of nginx."""
        return self.url("SERVICE_PORT")

    def url(self, port: str) -> str:
        """Address of a published port."""
        return f"http://127.0.0.1:{self.environ[port]}"

    def secret(self, name: str) -> str:
        """A secret in the installation's `.env`."""
        return read_dotenv(Path(self.environ["ENV_FILE"]))[name]

    @property
    def stack(self) -> Stack:
        """The containers."""
        return Stack(settings_from(self.environ), self.environ)

    def container(self, service: str) -> Container:
        """The container of one service."""
        return next(c for c in self.stack.containers() if c.service == service)

    def log(self, service: str) -> str:
        """What a container has written."""
        command = ["docker", "logs", self.container(service).id]
        return subprocess.run(
            command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ).stdout

    def inspect(self, service: str) -> dict:
        """What the engine knows of a container."""
        command = ["docker", "container", "inspect", self.container(service).id]
        return json.loads(subprocess.check_output(command))[0]

    def airflow(self) -> AirflowRuns:
        """The platform's Airflow."""
        settings = settings_from(self.environ)
        return AirflowRuns(with_passwords(settings, read_dotenv(Path(self.environ["ENV_FILE"]))))

    def rows(self, database: str, query: str) -> list[str]:
        """The lines of a query's answer, as PostgreSQL's administrator."""
        psql = ["psql", "-h", "127.0.0.1", "-U", "postgres", "-At", "-d", database, "-c", query]
        command = ["docker", "exec", "-e", "PGPASSWORD", self.container("postgres").id, *psql]
        secret = {"PGPASSWORD": self.secret("POSTGRES_PASSWORD")}
        return subprocess.check_output(command, env=os.environ | secret, text=True).splitlines()

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """`python -m setup.docker <command>` for this platform."""
        return subprocess.run(
            [sys.executable, "-m", "setup.docker", *command.split()],
            env=self.environ,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )


@contextmanager
def running_platform(environ: dict[str, str]) -> Iterator[DockerPlatform]:
    """A platform after its build; its containers and volumes are deleted at the end."""
    try:
        with keep_logs(Path(environ["LOCAL_DIR"])):
            build = DockerPlatform(environ).run("build")
            assert build.returncode == 0, build.stdout
            yield DockerPlatform(environ, build.stdout)
    finally:
        removed = DockerPlatform(environ).run("clean")
    assert removed.returncode == 0, removed.stdout


@contextmanager
def environment(name: str) -> Iterator[dict[str, str]]:
    """The variables of a platform with free ports and a small sample, and a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    own = {
        "LOCAL_DIR": str(folder),
        "ENV_FILE": str(folder / ".env"),
        "COMPOSE_PROJECT_NAME": name,
        "SAMPLE_ROWS": "6000",
        "SOURCE": "sample",
        "DATA": "",
        "SIDE": "",
        "TASK_RETRY_SECONDS": "2",
    }
    try:
        yield _without_credentials(os.environ) | own | ports | EDGE
    finally:
        shutil.rmtree(folder)


def _without_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Without those of the person who runs the tests: they would reach the containers."""
    return {n: v for n, v in environ.items() if not n.startswith(("AWS_", "KAGGLE_", "MONGODB_"))}
