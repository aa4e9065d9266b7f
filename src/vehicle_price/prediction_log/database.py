"""Connections to PostgreSQL with a timeout on every wait."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg2
from psycopg2 import extensions

from vehicle_price.error_text import first_line
from vehicle_price.prediction_log.errors import DatabaseUnavailable, InvalidRow
from vehicle_price.settings import Settings

Connection = extensions.connection
# Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded.
ROW_ERROR_CLASSES = ("22", "23", "54")
DATATYPE_MISMATCH = "42804"


class Address(NamedTuple):
    """Where the database is. url: postgresql://user@host:port/name, with a password or without.

    password_file: file with the password if the url has none; "" for no password.
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


class _TimedConnection(extensions.connection):
    """A connection with a timeout, in seconds, for each answer of the server."""

    timeout = 10.0


@contextmanager
def connected(address: Address, timeout: float) -> Iterator[extensions.connection]:
    """A connection, closed in the end; the caller commits.

    timeout: seconds without an answer after which the database counts as unavailable, also when it
    accepts connections but does not answer. Raises DatabaseUnavailable.
    """
    with translated(address):
        connection = connect(address, timeout)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def advisory_lock(address: Address, key: int, timeout: float) -> Iterator[None]:
    """Hold the advisory lock `key` of the database; it ends with its connection, however that ends.

    timeout: seconds to wait for another holder. Raises DatabaseUnavailable after that, too.
    """
    with connected(address, timeout) as connection:
        with translated(address), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (key,))
        yield


def try_advisory_lock(connection: Connection, key: int) -> bool:
    """Hold the advisory lock `key` until the connection ends; False while another one has it."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (key,))
        return bool(cursor.fetchone()[0])


def connect(address: Address, timeout: float) -> extensions.connection:
    """A new connection. Raises psycopg2's errors: for use within `translated`."""
    extensions.set_wait_callback(_wait)
    factory = type("TimedConnection", (_TimedConnection,), {"timeout": timeout})
    return psycopg2.connect(
        address.url,
        **_password(address),
        connection_factory=factory,
        application_name="vehicle-price",
        options=f"-c statement_timeout={int(timeout * 1000)} -c timezone=UTC",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=int(timeout * 1000),
    )


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn psycopg2's errors into InvalidRow and DatabaseUnavailable."""
    try:
        yield
    except psycopg2.Error as error:
        if _is_row_error(error):
            raise InvalidRow(first_line(error)) from error
        raise DatabaseUnavailable(f"PostgreSQL ({address}): {first_line(error)}") from error


def _wait(connection: extensions.connection) -> None:
    """Wait for the socket when psycopg2 has to, no longer than the connection's timeout.

    libpq itself waits without a limit for a server that is connected and silent. `select.poll` and
    not `select.select`, which fails in a process with more than 1,024 open files.
    """
    deadline = time.monotonic() + getattr(connection, "timeout", _TimedConnection.timeout)
    while (state := connection.poll()) != extensions.POLL_OK:
        seconds_left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(
            connection, select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        )
        if seconds_left <= 0 or not poll.poll(seconds_left * 1000):
            raise psycopg2.OperationalError("no answer in time")


def _password(address: Address) -> dict[str, str]:
    if "password" in extensions.parse_dsn(address.url) or not address.password_file:
        return {}
    try:
        password = Path(address.password_file).read_text("utf-8").strip()
    except OSError as error:
        raise psycopg2.OperationalError(f"no password: {error}") from error
    if not password:
        raise psycopg2.OperationalError(f"no password: {address.password_file} is empty")
    return {"password": password}


def _is_row_error(error: psycopg2.Error) -> bool:
    """Whether PostgreSQL or psycopg2 would refuse the same row again at every retry."""
    if error.pgcode:
        return error.pgcode[:2] in ROW_ERROR_CLASSES or error.pgcode == DATATYPE_MISMATCH
    return isinstance(error, (psycopg2.DataError, psycopg2.ProgrammingError))
