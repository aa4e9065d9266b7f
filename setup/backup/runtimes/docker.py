"""The Docker runtime as a backup sees it: volumes, and PostgreSQL in its container."""

import os
import subprocess
import time
from collections.abc import Mapping

from psycopg2.extensions import connection as Connection

from setup.backup import databases
from setup.backup.commands import Command
from setup.backup.errors import BackupError
from setup.backup.runtimes.installation import Part
from setup.docker import engine, images
from setup.docker.__main__ import platform
from setup.docker.stack import Container
from setup.native.environment import ROOT
from setup.runtime.main_job import say
from vehicle_price.settings import Settings
from vehicle_price.storage.filesystem import is_remote

FOLDER = "/var/lib/vehicle-price"  # of the images
SIDES = {  # where the volumes of a part are
    "training": ("artifacts", "listings"),
    "serving": ("outbox", "archive", "keys", "refused"),
}
START_SECONDS = 180
# Who reads and writes files is the image's own user, alone and without a network.
RUN = ("docker", "run", "--rm", "-i", "--network=none", "--read-only", "--cap-drop=ALL")


class DockerInstallation:
    """See installation.Installation."""

    runtime = "docker"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._platform = platform(environ)
        self._stack, self._variables = self._platform.stack, self._platform.variables
        self.settings = self._platform.settings
        self.elsewhere = databases_elsewhere(self._variables, self._stack.sides)
        self.databases = tuple(name for name in databases.ORDER if name not in self.elsewhere)
        here = [name for side in self._stack.sides for name in SIDES[side]]
        every = parts(self.settings)
        self.parts = {name: part for name, part in every.items() if name in here}
        self.mlflow_password = self._variables["MLFLOW_ADMIN_PASSWORD"]
        self.fernet_key = self._variables["AIRFLOW_FERNET_KEY"]
        self.way_out = (
            "Restore beside it with another COMPOSE_PROJECT_NAME; or python -m setup.docker clean, "
            "which deletes containers and volumes"
        )

    def connect(self, database: str) -> Connection:
        """See Installation."""
        host = self.settings.postgres_bind_host.replace("0.0.0.0", "127.0.0.1")
        password = self._variables["POSTGRES_PASSWORD"]
        return databases.connect(host, self.settings.postgres_port, database, password)

    def postgres(self, program: str, *options: str) -> Command:
        """See Installation."""
        words = ("docker", "exec", "-i", "-e", "PGPASSWORD", self._container("postgres").id)
        address = ("--host=127.0.0.1", "--username=postgres")
        password = self._variables["POSTGRES_PASSWORD"]
        return Command(
            (*words, program, *address, *options), {**os.environ, "PGPASSWORD": password}
        )

    def python(self, part: Part, *words: str) -> Command:
        """See Installation."""
        holder = self._container(part.holder)
        image = engine.inspect("container", [holder.id])[0]["Image"]
        return Command(
            (*RUN, "--volumes-from", holder.id, "--entrypoint=python", image, *words),
            dict(os.environ),
        )

    def obstacles(self) -> list[str]:
        """See Installation."""
        found = [f"the container {c.service} exists" for c in self._stack.containers()]
        for side in self._stack.sides:
            label = f"label=com.docker.compose.project={self._stack.project(side)}"
            volumes = engine.run("docker", "volume", "ls", "-q", "--filter", label).split()
            found += [f"the volume {volume} exists" for volume in volumes]
        return found

    def clear(self) -> None:
        """See Installation."""
        self._stack.down(volumes=True)

    def start(self) -> None:
        """See Installation."""
        images.build(self._variables, say)
        self._stack.make_network()
        for side in self._stack.sides:  # with their volumes
            self._compose(side, "up", "--no-start")
        if self.databases:
            self._compose("training", "up", "-d", "postgres", "database-roles")
            deadline = time.monotonic() + START_SECONDS
            while not self._container("database-roles").is_up:
                if time.monotonic() > deadline:
                    raise BackupError("database-roles did not end; see make logs")
                time.sleep(0.5)

    def end(self) -> None:
        """See Installation. PostgreSQL goes on: `make build` starts the rest."""

    def _container(self, service: str) -> Container:
        found = [c for c in self._stack.containers() if c.service == service]
        if not found:
            raise BackupError(f"there is no container {service}: make build RUNTIME=docker first")
        return found[0]

    def _compose(self, side: str, *words: str) -> None:
        completed = subprocess.run(
            self._stack.command(side, *words),
            cwd=ROOT,
            env=dict(self._stack.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if completed.returncode:
            raise BackupError(f"compose {' '.join(words)}: {completed.stderr.strip()[-2000:]}")


def parts(settings: Settings) -> dict[str, Part]:
    """The files of the volumes, in the order in which they are saved."""
    data = settings.data_root if is_remote(settings.data_root) else ""
    artifacts = settings.artifact_root if is_remote(settings.artifact_root) else ""
    outbox = (f"{FOLDER}/outbox", str(settings.outbox_max_mb))
    return {
        "outbox": Part(outbox[0], "prediction-forwarder", only=("outbox.sqlite",), snapshot=outbox),
        "archive": Part(
            f"{FOLDER}/data/archive", "prediction-archive", elsewhere=data and f"{data}/archive"
        ),
        "artifacts": Part(f"{FOLDER}/mlflow-artifacts", "mlflow", elsewhere=artifacts),
        "listings": Part(f"{FOLDER}/data", "airflow-scheduler", skip=("archive",), elsewhere=data),
        "keys": Part(f"{FOLDER}/keys", "service", only=("api_keys.json",)),
        "refused": Part(f"{FOLDER}/model", "model-sync", only=("refused.json",)),
    }


def databases_elsewhere(variables: Mapping[str, str], sides: tuple[str, ...]) -> dict[str, str]:
    """The databases that are not in a container of this host → where they are."""
    host = variables.get("DATABASE_HOST") or "postgres"
    if host == "postgres" and "training" in sides:
        return {}
    where = "the training side" if host == "postgres" else host
    return {name: where for name in databases.ORDER}
