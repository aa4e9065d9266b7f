"""The native runtime as a backup sees it: folders of LOCAL_DIR and the embedded PostgreSQL."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT

import psutil
import psycopg2

from setup.backup import databases, file_stream
from setup.backup.commands import Command
from setup.backup.errors import BackupError
from setup.backup.runtimes.installation import Part, local_parts
from setup.database_roles import RolesError
from setup.native import postgres, preflight, programs, stack, variables
from setup.native.environment import ROOT, settings_from
from vehicle_price.settings import Settings
from vehicle_price.storage.filesystem import is_remote

STOP_SECONDS = 60
EMBEDDED = postgres.LOOPBACK


class NativeInstallation:
    """See installation.Installation."""

    runtime = "native"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.settings = settings_from(environ)
        self.parts = parts(self.settings)
        self.elsewhere = databases_elsewhere(self.settings)
        self.databases = tuple(name for name in databases.ORDER if name not in self.elsewhere)
        self._environ = environ
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def mlflow_password(self) -> str:
        """Of MLflow's administrator."""
        return variables.mlflow_password(self.settings, "admin")

    @property
    def fernet_key(self) -> str:
        """What Airflow encrypts connections and variables with."""
        return variables.airflow(self.settings)["AIRFLOW__CORE__FERNET_KEY"]

    def connect(self, database: str) -> psycopg2.extensions.connection:
        """See Installation."""
        port = self.settings.postgres_port
        return databases.connect(EMBEDDED, port, database, self._password)

    def postgres(self, program: str, *options: str) -> Command:
        """See Installation."""
        address = (f"--host={EMBEDDED}", f"--port={self.settings.postgres_port}")
        words = (postgres.binary(program), *address, "--username=postgres", *options)
        return Command(words, {**os.environ, "PGPASSWORD": self._password})

    def python(self, _part: Part, *words: str) -> Command:
        """See Installation."""
        return Command((sys.executable, *words), dict(os.environ))

    def obstacles(self) -> list[str]:
        """See Installation."""
        local = Path(self.settings.local_dir)
        if stack.is_running(self.settings):
            return [f"the platform in {local} runs"]
        found = [f"{local}/postgres exists"] if (local / "postgres").exists() else []
        for name, part in local_parts(self.parts).items():
            if file := _first_file(part):
                found.append(f"{part.folder} has {name}: {file}")
        port = self.settings.postgres_port
        if not found and not preflight.port_is_free(EMBEDDED, port):
            found.append(f"port {port} is taken; choose another POSTGRES_PORT")
        return found

    @property
    def way_out(self) -> str:
        """What to do about obstacles."""
        return (
            "Restore into another LOCAL_DIR; or make stop and move these away, or make clean, "
            "which deletes them with the passwords"
        )

    def clear(self) -> None:
        """See Installation."""
        if stack.is_running(self.settings):
            raise BackupError(f"the platform in {self.settings.local_dir} runs: make stop")
        folder = Path(self.settings.local_dir) / "postgres"
        _end_server(folder)
        shutil.rmtree(folder, ignore_errors=True)
        for part in local_parts(self.parts).values():
            if part.only is None:
                shutil.rmtree(part.folder, ignore_errors=True)
            for name in part.only or ():
                (Path(part.folder) / name).unlink(missing_ok=True)

    def start(self) -> None:
        """See Installation."""
        path = Path(self.settings.log_dir) / "restore-postgres.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        environ = programs.environment_of("postgres", self.settings, self._environ)
        with path.open("wb") as log:
            # pylint: disable-next=consider-using-with
            self._server = subprocess.Popen(
                (sys.executable, "-m", "setup.native.postgres"),
                env=environ,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            postgres.create_databases(self.settings)
        except (psycopg2.Error, RolesError) as error:
            words = stack.tail(path)
            raise BackupError(
                f"PostgreSQL did not start ({error}); {path} ends:\n{words}"
            ) from error

    def end(self) -> None:
        """See Installation."""
        if self._server is not None:
            self._server.send_signal(SIGINT)  # PostgreSQL's fast shutdown
            self._server.wait(STOP_SECONDS)

    @property
    def _password(self) -> str:
        return variables.role_password(self.settings, "postgres")


def _end_server(folder: Path) -> None:
    """End the server of a data folder that a killed restore has left running."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if words[1:3] == ["-D", str(folder)]:
            process.send_signal(SIGINT)
            process.wait(STOP_SECONDS)


def parts(settings: Settings) -> dict[str, Part]:
    """The files of a native installation, in the order in which they are saved."""
    keys = Path(settings.api_keys_file)
    data = settings.data_root if is_remote(settings.data_root) else ""
    artifacts = settings.artifact_root if is_remote(settings.artifact_root) else ""
    outbox = (settings.outbox_dir, str(settings.outbox_max_mb))
    return {
        "outbox": Part(settings.outbox_dir, only=("outbox.sqlite",), snapshot=outbox),
        "archive": Part(f"{settings.data_root}/archive", elsewhere=data and f"{data}/archive"),
        "artifacts": Part(settings.artifact_root, elsewhere=artifacts),
        "listings": Part(settings.data_root, skip=("archive",), elsewhere=data),
        "keys": Part(str(keys.parent), only=(keys.name,)),
        "refused": Part(settings.model_dir, only=("refused.json",)),
    }


def _first_file(part: Part) -> str:
    """The name of a file that a restore would overwrite, "" if there is none."""
    folder = Path(part.folder)
    if part.only is not None:
        return next((name for name in part.only if (folder / name).exists()), "")
    return next(file_stream.names(folder, part.skip), "")


def databases_elsewhere(settings: Settings) -> dict[str, str]:
    """The prediction log, if it is not in the embedded PostgreSQL."""
    if variables.prediction_log(settings, "vehicle_price_owner"):
        return {}
    return {"vehicle_price": settings.prediction_database_url.rpartition("@")[2]}
