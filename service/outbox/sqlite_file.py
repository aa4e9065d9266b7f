"""The SQLite file of the outbox: its tables, its connections, and the lock of its writers."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.outbox import clock
from vehicle_price.atomic_files import lock_within, unlock

PAGE = 4096
LOCK_SECONDS = 5.0  # a writer needs milliseconds; only a process that was stopped keeps the lock
BUSY_SECONDS = 5.0  # only a foreign program, such as a backup, can make a writer wait for SQLite
CHECKPOINT_PAGES = 4096  # a writer copies the WAL itself when the forwarder has not for so long
SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, at REAL NOT NULL, fingerprint BLOB NOT NULL, packed INTEGER NOT NULL,
    answer BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS dead_letters (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS journals (name TEXT PRIMARY KEY, collected INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS clock (boot TEXT PRIMARY KEY, started_at REAL NOT NULL);
"""
VERSION = 3


class OutboxFile:
    """One process's connection to the outbox, opened at the first use: it may cross a fork.

    max_bytes: SQLite does not let the tables grow beyond it.
    """

    def __init__(self, path: str | Path, max_bytes: int) -> None:
        self.path, self.max_bytes = Path(path), max_bytes
        self._threads = threading.Lock()
        self._opened: tuple[int, sqlite3.Connection, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read from; writers of other processes go on meanwhile."""
        with self._threads:
            yield self._open()[1]

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The only connection of all processes that writes at this moment.

        The lock is of a file beside SQLite's, and ends with a process that was killed. Raises
        sqlite3.OperationalError when another process keeps it for LOCK_SECONDS.
        """
        with self._threads:
            _, connection, lock = self._open()
            _lock(lock)
            try:
                yield connection
            finally:
                unlock(lock)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """As `writing`, in one transaction."""
        with self.writing() as connection, atomic(connection):
            yield connection

    def now(self) -> float:
        """The present moment for the expiry of answers; see `clock.py`."""
        with self.reading() as connection:
            return clock.now(connection)

    def close(self) -> None:
        """Close this process's connection; the next use opens a new one."""
        with self._threads:
            opened, self._opened = self._opened, None
        if opened and opened[0] == os.getpid():
            opened[1].close()
            os.close(opened[2])

    def _open(self) -> tuple[int, sqlite3.Connection, int]:
        if self._opened is None or self._opened[0] != os.getpid():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # Processes that open a new WAL file at once would get in each other's way.
                _lock(lock)
                self._opened = (os.getpid(), _connect(self.path, self.max_bytes), lock)
                unlock(lock)
            except BaseException:
                os.close(lock)
                raise
        return self._opened


def _lock(descriptor: int) -> None:
    try:
        lock_within(descriptor, LOCK_SECONDS)
    except TimeoutError as error:
        raise sqlite3.OperationalError(f"the outbox is {error}") from error


@contextmanager
def atomic(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction of a connection that writes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back by itself
            connection.execute("ROLLBACK")
        raise


def _connect(path: Path, max_bytes: int) -> sqlite3.Connection:
    # Callers use a lock of their own, so the connection may pass between threads.
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        os.chmod(path, 0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        # A commit reaches the kernel and survives kill -9; see setup/prediction_log.md.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA max_page_count = {max(max_bytes // PAGE, 16)}")
        if connection.execute("PRAGMA user_version").fetchone() != (VERSION,):
            connection.executescript(f"{SCHEMA} PRAGMA user_version = {VERSION};")
        clock.start(connection)
    except BaseException:
        connection.close()
        raise
    return connection
