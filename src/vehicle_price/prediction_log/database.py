"""Connections to PostgreSQL that never wait for ever, and the schema's migrations."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg2
from psycopg2 import extensions

from vehicle_price.settings import Settings

Connection = extensions.connection
LOCK = 7_316_356_412  # any number, the same in every process
CONNECT_SECONDS, SCHEMA_SECONDS = 10.0, 120.0
# Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded.
ROW_CODES = ("22", "23", "54")
DATATYPE_MISMATCH = "42804"


class DatabaseAway(RuntimeError):
    """PostgreSQL does not answer, or not as it should; the message says what to do."""


class WrongRow(ValueError):
    """PostgreSQL answers, and refuses a row for what is in it."""


class Address(NamedTuple):
    """Where the database is. url: postgresql://user@host:port/name, with a password or without.

    password_file: holds the password when the address has none; "" for neither.
    """

    url: str
    password_file: str = ""

    def __str__(self) -> str:
        """The address without a password, for messages."""
        return " ".join(
            f"{name}={value}"
            for name, value in extensions.parse_dsn(self.url).items()
            if name in ("host", "port", "dbname")
        )


def address_of(settings: Settings) -> Address:
    """The address that the settings name."""
    return Address(settings.prediction_database_url, settings.prediction_database_password_file)


class _Patient(extensions.connection):
    """A connection that knows how many seconds it may wait for the server."""

    patience = 10.0


@contextmanager
def connected(address: Address, patience: float) -> Iterator[extensions.connection]:
    """A connection, closed in the end; a transaction is yours to commit.

    patience: seconds without an answer after which the database counts as away, also when it
    takes connections and then says nothing. Raises DatabaseAway.
    """
    with translated(address):
        connection = connect(address, patience)
    try:
        yield connection
    finally:
        connection.close()


def connect(address: Address, patience: float) -> extensions.connection:
    """A new connection. Raises psycopg2's errors: for use within `translated`."""
    extensions.set_wait_callback(_wait)
    factory = type("Patient", (_Patient,), {"patience": patience})
    return psycopg2.connect(
        address.url,
        **_password(address),
        connection_factory=factory,
        application_name="vehicle-price",
        options=f"-c statement_timeout={int(patience * 1000)} -c timezone=UTC",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=int(patience * 1000),
    )


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """psycopg2's errors in the words of this module."""
    try:
        yield
    except psycopg2.Error as error:
        if _is_the_rows_fault(error):
            raise WrongRow(_first_line(error)) from error
        raise DatabaseAway(f"PostgreSQL ({address}): {_first_line(error)}") from error


def migrate(address: Address) -> None:
    """Bring the schema up to date; processes that do so at once wait for each other.

    Raises DatabaseAway.
    """
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    engine = sa.create_engine(
        "postgresql+psycopg2://",
        creator=lambda: _patient(connect(address, CONNECT_SECONDS)),
        poolclass=sa.pool.NullPool,
    )
    try:
        with translated(address), engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.DBAPIError as error:
        raise DatabaseAway(f"PostgreSQL ({address}): {_first_line(error.orig)}") from error
    except CommandError as error:  # its schema is of a later version than this code
        raise DatabaseAway(f"PostgreSQL ({address}): cannot migrate: {error}") from error


def _patient(connection: Connection) -> Connection:
    """For work that may take long, though connecting may not."""
    connection.patience = SCHEMA_SECONDS
    with connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = %s", (int(SCHEMA_SECONDS * 1000),))
    return connection


def _wait(connection: extensions.connection) -> None:
    """Wait for the socket as psycopg2 asks to, no longer than the connection's patience.

    libpq's own wait has no end once a server is connected and silent. `select.select` is looked
    up at each call: under gevent it lets other requests go on.
    """
    deadline = time.monotonic() + getattr(connection, "patience", _Patient.patience)
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        reads = [connection.fileno()] if state == extensions.POLL_READ else []
        writes = [connection.fileno()] if state == extensions.POLL_WRITE else []
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise psycopg2.OperationalError("no answer in time")


def _password(address: Address) -> dict[str, str]:
    if "password" in extensions.parse_dsn(address.url) or not address.password_file:
        return {}
    try:
        return {"password": Path(address.password_file).read_text("utf-8").strip()}
    except OSError as error:
        raise psycopg2.OperationalError(f"no password: {error}") from error


def _is_the_rows_fault(error: psycopg2.Error) -> bool:
    """Whether the same row would be refused again and again, by PostgreSQL or psycopg2 itself."""
    if error.pgcode:
        return error.pgcode[:2] in ROW_CODES or error.pgcode == DATATYPE_MISMATCH
    return isinstance(error, (psycopg2.DataError, psycopg2.ProgrammingError))


def _first_line(error: object) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
