"""What a backup needs of a runtime: where files are, and how their programs are run."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from psycopg2.extensions import connection as Connection

from setup.backup.commands import Command
from vehicle_price.settings import Settings


class Part(NamedTuple):
    """Files of one kind. folder: where a program sees them. skip, only: see file_stream.py.

    holder: the container that has them, where there are containers. snapshot: arguments of
    `service.outbox.snapshot`, which copies a file that is in use. elsewhere: their address if they
    are on S3, and so not in the backup.
    """

    folder: str
    holder: str = ""
    skip: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    snapshot: tuple[str, ...] = ()
    elsewhere: str = ""


class Installation(Protocol):
    """A platform of one runtime.

    parts: by name, those of this host, in the order in which they are saved. databases: those in
    the PostgreSQL of this installation, in that order. elsewhere: other databases → address.
    mlflow_password: of MLflow's administrator. fernet_key: what Airflow encrypts connections and
    variables with. way_out: what to do about obstacles.
    """

    runtime: str
    settings: Settings
    parts: Mapping[str, Part]
    databases: tuple[str, ...]
    elsewhere: Mapping[str, str]
    mlflow_password: str
    fernet_key: str
    way_out: str

    def connect(self, database: str) -> Connection:
        """A connection as PostgreSQL's administrator. Raises psycopg2.OperationalError."""

    def postgres(self, program: str, *options: str) -> Command:
        """pg_dump or pg_restore of the server's own version, as its administrator."""

    def python(self, part: Part, *words: str) -> Command:
        """Python with these arguments, where the files of a part are."""

    def obstacles(self) -> list[str]:
        """What is there that a restore would overwrite, in words."""

    def clear(self) -> None:
        """Delete what an interrupted restore has left. Raises BackupError while anything runs."""

    def start(self) -> None:
        """Start PostgreSQL with new databases and roles, and make room for files.

        Raises BackupError.
        """

    def end(self) -> None:
        """End what `start` has started, unless `make build` takes it over."""


def local_parts(parts: Mapping[str, Part]) -> dict[str, Part]:
    """Those whose files belong into a backup: all but those on S3."""
    return {name: part for name, part in parts.items() if not part.elsewhere}
