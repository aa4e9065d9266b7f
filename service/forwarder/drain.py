"""The forwarder's side of the outbox: read in order, delete what has arrived, keep the file fit."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from service.outbox import journal
from service.outbox.collector import collect
from service.outbox.outbox import IDEMPOTENCY_SECONDS, Outbox, OutboxFull
from service.outbox.records import Record
from service.outbox.sqlite_file import CHECKPOINT_PAGES, PAGE, atomic

BATCH_RECORDS = 500
BATCH_BYTES = 2_000_000
DELETED_AT_ONCE = 100  # answers wait meanwhile
WAL_PAGES = 1_000
RESERVE_BYTES = CHECKPOINT_PAGES * PAGE + 4 * 2**20  # what moving a long WAL can take, and more
DELETE = "DELETE FROM records WHERE seq = ?"
# Of the outbox's limit: answers are forgotten before their time when more is taken.
CROWDED = 0.75
KEPT_SECONDS = 60.0  # but none younger than this


class Waiting(NamedTuple):
    """A record and its place in the outbox."""

    place: int
    record: Record


class Dead(NamedTuple):
    """A record that PostgreSQL will never take, and why."""

    waiting: Waiting
    reason: str


class AnotherForwarder(RuntimeError):
    """A forwarder for this outbox runs already."""


class Drain:
    """One forwarder's view of an outbox."""

    def __init__(self, outbox: Outbox, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.outbox, self.file = outbox, outbox.file
        self._reserve, self._reserve_bytes = self.file.path.with_suffix(".reserve"), reserve_bytes

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only forwarder of this outbox. Raises AnotherForwarder."""
        self.file.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = self.file.path.with_suffix(".forwarder")
        with mark.open("w", encoding="ascii") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AnotherForwarder(str(mark)) from error
            yield

    def batch(self) -> list[Waiting]:
        """The oldest records: at most BATCH_RECORDS, few when they are large."""
        self.collect()
        found: list[Waiting] = []
        size = 0
        sql = "SELECT seq, id, kind, body FROM records ORDER BY seq LIMIT ?"
        with self.file.reading() as connection:
            for place, record_id, kind, body in connection.execute(sql, (BATCH_RECORDS,)):
                size += len(body)
                if found and size > BATCH_BYTES:
                    break
                found.append(Waiting(place, Record(record_id, kind, body)))
        return found

    def arrived(self, waiting: Sequence[Waiting]) -> None:
        """Delete what PostgreSQL has committed."""
        for start in range(0, len(waiting), DELETED_AT_ONCE):
            places = [(one.place,) for one in waiting[start : start + DELETED_AT_ONCE]]
            self._change(DELETE, places)

    def bury(self, dead: Dead) -> None:
        """Put aside what would never arrive, so that it does not stop the rest."""
        place, record = dead.waiting
        sql = "INSERT OR REPLACE INTO dead_letters (seq, id, kind, reason, body) VALUES (?,?,?,?,?)"
        self._change(sql, [(place, record.id, record.kind, dead.reason, record.body)])
        self._change(DELETE, [(place,)])

    def collect(self) -> None:
        """Move what the workers have written into the table."""
        try:
            self.outbox.collect()
        except OutboxFull:
            if not self._is_empty():
                return  # what is there makes room, and then this goes on
            with self._reserve_given_up() as connection:
                collect(connection, self.outbox.folder)

    def sync(self) -> None:
        """Have on the disk for good what was written so far; writers do not wait for it."""
        for path in (Path(f"{self.file.path}-wal"), *journal.files(self.outbox.folder)):
            with suppress(FileNotFoundError), path.open("rb") as file:  # collected meanwhile
                os.fdatasync(file.fileno())

    def checkpoint(self) -> int:
        """Move the WAL's content into the main file; how many pages it had.

        The WAL is then written from its start again, and SQLite syncs its head first: that is one
        slow answer for each checkpoint, so there should be many answers in between.
        """
        with self.file.reading() as connection:
            pages = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
        if pages > WAL_PAGES:  # constant writing: only with writers waiting can it start anew
            with self.file.writing() as connection:
                connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        return pages

    def forget_answers(self) -> int:
        """Delete the answers of Idempotency-Keys that are past their time; how many.

        In a crowded outbox older ones go before their time.
        """
        crowded = self.outbox.used() > CROWDED
        before = time.time() - (KEPT_SECONDS if crowded else IDEMPOTENCY_SECONDS)
        forgotten = 0
        while rows := self._answers_before(before):
            self._change("DELETE FROM answers WHERE rowid = ?", rows)
            forgotten += len(rows)
        return forgotten

    def keep_reserve(self) -> bool:
        """Hold some of the disk: when it is full, deleting needs room, too. False if it is."""
        if self._reserve.exists():
            return True
        with self._reserve.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, self._reserve_bytes)
                return True
            except OSError:
                self._reserve.unlink()
                return False

    def _answers_before(self, moment: float) -> list[tuple[int]]:
        sql = "SELECT rowid, at FROM answers ORDER BY rowid LIMIT ?"  # the oldest come first
        with self.file.reading() as connection:
            oldest = connection.execute(sql, (DELETED_AT_ONCE,)).fetchall()
        return [(row,) for row, at in oldest if at < moment]

    def _change(self, sql: str, values: Sequence[tuple[object, ...]]) -> None:
        try:
            with self.file.transaction() as connection:
                connection.executemany(sql, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            with self._reserve_given_up() as connection, atomic(connection):
                connection.executemany(sql, values)

    @contextmanager
    def _reserve_given_up(self) -> Iterator[sqlite3.Connection]:
        """A connection to change something on a full disk: it has the reserve's room, while no
        worker can take that for its tables."""
        with self.file.writing() as connection:
            self._reserve.unlink(missing_ok=True)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            yield connection
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.keep_reserve()

    def _is_empty(self) -> bool:
        with self.file.reading() as connection:
            return connection.execute("SELECT 1 FROM records LIMIT 1").fetchone() is None
