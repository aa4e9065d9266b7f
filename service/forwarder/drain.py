"""The outbox as the forwarder uses it: read in order, delete sent records, maintain the file."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from service.outbox import forwarder_status, journal
from service.outbox.collector import collect
from service.outbox.outbox import IDEMPOTENCY_SECONDS, Outbox, OutboxFull
from service.outbox.records import Record
from service.outbox.sqlite_file import CHECKPOINT_PAGES, PAGE, atomic

BATCH_RECORDS = 500
BATCH_BYTES = 2_000_000
DELETE_BATCH = 100  # of a transaction; the workers' writes wait for it
WAL_PAGES = 1_000
RESERVE_BYTES = CHECKPOINT_PAGES * PAGE + 4 * 2**20  # room for checkpointing a long WAL
DELETE = "DELETE FROM records WHERE seq = ?"
CROWDED_SHARE = 0.75  # of the limit; in a fuller outbox answers are deleted before their time
MIN_ANSWER_SECONDS = 60.0  # but no younger answer


class QueuedRecord(NamedTuple):
    """A record and its key in the outbox's table."""

    seq: int
    record: Record


class DeadLetter(NamedTuple):
    """A record that PostgreSQL will never accept, and why."""

    queued: QueuedRecord
    reason: str


class AnotherForwarder(RuntimeError):
    """A forwarder for this outbox runs already."""


class Drain:
    """One forwarder's view of an outbox."""

    def __init__(self, outbox: Outbox, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.outbox, self.file = outbox, outbox.file
        self._reserve, self._reserve_bytes = self.file.path.with_suffix(".reserve"), reserve_bytes

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be the only forwarder of this outbox. Raises AnotherForwarder."""
        self.file.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = forwarder_status.lock_file(self.file.path)
        with path.open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AnotherForwarder(str(path)) from error
            yield

    def batch(self) -> list[QueuedRecord]:
        """The oldest records: at most BATCH_RECORDS and about BATCH_BYTES."""
        self.collect()
        batch: list[QueuedRecord] = []
        size = 0
        sql = "SELECT seq, id, kind, body FROM records ORDER BY seq LIMIT ?"
        with self.file.reading() as connection:
            for seq, record_id, kind, body in connection.execute(sql, (BATCH_RECORDS,)):
                size += len(body)
                if batch and size > BATCH_BYTES:
                    break
                batch.append(QueuedRecord(seq, Record(record_id, kind, body)))
        return batch

    def delete(self, sent: Sequence[QueuedRecord]) -> None:
        """Delete records that PostgreSQL has committed."""
        for start in range(0, len(sent), DELETE_BATCH):
            seqs = [(queued.seq,) for queued in sent[start : start + DELETE_BATCH]]
            self._change(DELETE, seqs)

    def move_to_dead_letters(self, letter: DeadLetter) -> None:
        """Move a record that is refused for ever, so that it does not block the others."""
        seq, record = letter.queued
        sql = "INSERT OR REPLACE INTO dead_letters (seq, id, kind, reason, body) VALUES (?,?,?,?,?)"
        self._change(sql, [(seq, record.id, record.kind, letter.reason, record.body)])
        self._change(DELETE, [(seq,)])

    def collect(self) -> None:
        """Move the records of the workers' journals into the table."""
        try:
            self.outbox.collect()
        except OutboxFull:
            if not self._is_empty():
                return  # sending the table's records makes room first
            with self._reserve_released() as connection:
                collect(connection, self.outbox.folder)

    def sync(self) -> None:
        """Flush to disk what was written so far; writers do not wait for it."""
        for path in (Path(f"{self.file.path}-wal"), *journal.files(self.outbox.folder)):
            with suppress(FileNotFoundError), path.open("rb") as file:  # collected meanwhile
                os.fdatasync(file.fileno())

    def checkpoint(self) -> int:
        """Copy the WAL into the main file; returns its number of pages.

        After a checkpoint the WAL is written from its start again, and SQLite syncs its header
        first. That delays one answer per checkpoint, so many answers should lie in between.
        """
        with self.file.reading() as connection:
            pages = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
        if pages > WAL_PAGES:  # under constant writing it restarts only while writers wait
            with self.file.writing() as connection:
                connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        return pages

    def delete_expired_answers(self) -> int:
        """Delete the expired answers of Idempotency-Keys; returns their number.

        In a crowded outbox answers expire after MIN_ANSWER_SECONDS.
        """
        crowded = self.outbox.used() > CROWDED_SHARE
        before = self.file.now() - (MIN_ANSWER_SECONDS if crowded else IDEMPOTENCY_SECONDS)
        deleted = 0
        while rows := self._answers_before(before):
            self._change("DELETE FROM answers WHERE rowid = ?", rows)
            deleted += len(rows)
        return deleted

    def keep_reserve(self) -> bool:
        """Reserve disk space: deleting from a full disk needs room. False on a full disk."""
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
            oldest = connection.execute(sql, (DELETE_BATCH,)).fetchall()
        return [(row,) for row, at in oldest if at < moment]

    def _change(self, sql: str, values: Sequence[tuple[object, ...]]) -> None:
        try:
            with self.file.transaction() as connection:
                connection.executemany(sql, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            with self._reserve_released() as connection, atomic(connection):
                connection.executemany(sql, values)

    @contextmanager
    def _reserve_released(self) -> Iterator[sqlite3.Connection]:
        """A connection that may use the reserve's space on a full disk. It holds the write lock, so
        no worker can use that space for new records."""
        with self.file.writing() as connection:
            self._reserve.unlink(missing_ok=True)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            yield connection
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.keep_reserve()

    def _is_empty(self) -> bool:
        with self.file.reading() as connection:
            return connection.execute("SELECT 1 FROM records LIMIT 1").fetchone() is None
