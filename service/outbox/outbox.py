"""The transactional outbox: answers are kept on the local disk until PostgreSQL has them.

An answer is given only after `keep` has returned. One SQLite file serves all workers; the
forwarder (`service/forwarder/`) empties it. setup/prediction_log.md describes the whole path.
"""

import errno
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from service.outbox import clock, forwarder_status, journal, records
from service.outbox.collector import collect, uncollected_records
from service.outbox.journal import Journal, framed
from service.outbox.records import Kind, Record
from service.outbox.sqlite_file import PAGE, OutboxFile
from vehicle_price.prediction_log.ids import ticks_of
from vehicle_price.settings import Settings

IDEMPOTENCY_SECONDS = 24 * 3600.0
COMPRESS_BYTES = 2_000  # a longer answer is stored compressed
JOURNAL_BYTES = 2**20  # of one journal, before its worker begins the next
BACKLOG_JOURNALS = 64  # full ones, of all workers, before a worker helps the forwarder
WHO_EMPTIES = "the forwarder empties it once the database answers"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class StoredAnswer(NamedTuple):
    """An answer that is given again when the request is repeated.

    key: the Idempotency-Key. fingerprint: hash of the request. answer: the response's body.
    """

    key: str
    fingerprint: bytes
    answer: bytes


class Fill(NamedTuple):
    """How full the outbox is. `records` are requests: a list of listings counts once."""

    records: int
    bytes: int
    max_bytes: int
    oldest_seconds: float
    dead_letters: int


class OutboxUnavailable(RuntimeError):
    """The outbox cannot be written, so no price may be answered; the message says why."""


class OutboxFull(OutboxUnavailable):
    """The outbox, or the disk below it, is full."""


class AlreadyAnswered(RuntimeError):
    """Another request with the same Idempotency-Key was answered first; see `replay`."""


class KeyReused(ValueError):
    """The Idempotency-Key belongs to another request."""


class Outbox:
    """The outbox as the workers use it."""

    def __init__(self, path: str | Path, max_bytes: int) -> None:
        self.file = OutboxFile(path, max_bytes)
        self.folder = self.file.path.parent
        self._journal = Journal(self.folder, min(JOURNAL_BYTES, max_bytes // 16))
        self._journal_lock = Lock()

    def keep(self, record: Record, stored_answer: StoredAnswer | None = None) -> None:
        """Keep `record`, and with it the answer to repeat, if there is one: both or neither.

        Raises OutboxFull, OutboxUnavailable, AlreadyAnswered.
        """
        if stored_answer is None:
            self.append(record)
        else:
            self.append_once(record, stored_answer)

    def append(self, record: Record) -> None:
        """Keep `record`; on return it is safe from the end of this process, however it ends.

        Raises OutboxFull, OutboxUnavailable.
        """
        frame = framed(record)
        try:  # not `_translated_errors`, which takes as long as writing
            with self._journal_lock:
                if not self._journal.has_room:
                    self._begin_journal()
                self._journal.write(frame)
        except (sqlite3.Error, OSError) as error:
            raise self._translated(error) from error

    def append_once(self, record: Record, stored_answer: StoredAnswer) -> None:
        """Keep `record` and the answer to repeat, both or neither; committed on return.

        Raises OutboxFull, OutboxUnavailable, AlreadyAnswered.
        """
        packed = _packed(stored_answer.answer)
        with self._translated_errors(), self.file.transaction() as connection:
            _insert_answer(connection, stored_answer, packed)
            records.insert(connection, record)

    def collect(self) -> None:
        """Move the records of all journals into the table. Raises OutboxFull, OutboxUnavailable."""
        with self._translated_errors(), self.file.writing() as connection:
            collect(connection, self.folder)

    def replay(self, key: str, fingerprint: bytes) -> bytes | None:
        """The answer that was given to this key's request, None if there was none in 24 hours.

        Raises KeyReused when that was another request, OutboxUnavailable.
        """
        sql = "SELECT fingerprint, packed, answer FROM answers WHERE key = ? AND at > ?"
        with self._translated_errors(), self.file.reading() as connection:
            oldest = clock.now(connection) - IDEMPOTENCY_SECONDS
            row = connection.execute(sql, (key, oldest)).fetchone()
        if row is None:
            return None
        first_fingerprint, is_compressed, answer = row
        if first_fingerprint != fingerprint:
            raise KeyReused(key)
        return zlib.decompress(answer) if is_compressed else answer

    def find(self, record_id: str, kind: Kind) -> bytes | None:
        """The body of a record that still waits here. Raises OutboxUnavailable."""
        with self._translated_errors(), self.file.reading() as connection:
            for record in uncollected_records(connection, self.folder):
                if (record.id, record.kind) == (record_id, kind):
                    return record.body
            return records.find(connection, record_id, kind)

    def fill(self) -> Fill:
        """How full it is now. Raises OutboxUnavailable."""
        with self._translated_errors(), self.file.reading() as connection:
            uncollected = list(uncollected_records(connection, self.folder))
            used = _used_bytes(connection) + sum(len(record.body) for record in uncollected)
            count = _number(connection, "SELECT count(*) FROM records") + len(uncollected)
            age = _oldest_seconds(connection, uncollected)
            dead_letters = _number(connection, "SELECT count(*) FROM dead_letters")
        return Fill(count, used, self.file.max_bytes, age, dead_letters)

    def oldest_seconds(self) -> float:
        """The age of the oldest record; 0.0 when it is empty. Quick, unlike `fill`.

        Raises OutboxUnavailable.
        """
        with self._translated_errors(), self.file.reading() as connection:
            return _oldest_seconds(connection, uncollected_records(connection, self.folder))

    def used(self) -> float:
        """The used share of the limit. Quick, unlike `fill`, which counts records."""
        with self._translated_errors(), self.file.reading() as connection:
            return _used_bytes(connection) / self.file.max_bytes

    def close(self) -> None:
        """Close this process's journal and connection; the next use opens new ones."""
        with self._journal_lock:
            self._journal.close()
        self.file.close()

    def _begin_journal(self) -> None:
        """Begin a new journal, and leave the old one to the forwarder.

        Where no forwarder lives, or it is so slow that BACKLOG_JOURNALS are full, this worker
        moves the records itself. So what is not in the table stays bounded. Raises as `collect`.
        """
        self._journal.close()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        max_backlog = BACKLOG_JOURNALS * self._journal.max_bytes
        if (
            not forwarder_status.is_alive(self.file.path)
            or journal.total_bytes(self.folder) >= max_backlog
        ):
            with self.file.writing() as connection:
                collect(connection, self.folder)
        self._journal.open()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raise errors of SQLite and of the disk as OutboxFull or OutboxUnavailable."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error | OSError) -> OutboxUnavailable:
        is_full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        if is_full or isinstance(error, OSError) and error.errno in NO_SPACE:
            return OutboxFull(f"{self.file.path} or its disk is full; {WHO_EMPTIES}")
        if isinstance(error, sqlite3.Error):
            self.file.close()  # the next request tries a new connection
        return OutboxUnavailable(f"{self.file.path}: {error}")


def outbox_of(settings: Settings) -> Outbox:
    """The outbox that the settings name."""
    return Outbox(Path(settings.outbox_dir) / "outbox.sqlite", settings.outbox_max_mb * 2**20)


def _packed(answer: bytes) -> tuple[bool, bytes]:
    """Whether an answer is stored compressed, and its content. A long one is: it stays for a
    day."""
    compressed = len(answer) > COMPRESS_BYTES
    return compressed, zlib.compress(answer, 1) if compressed else answer


def _insert_answer(
    connection: sqlite3.Connection, stored: StoredAnswer, packed: tuple[bool, bytes]
) -> None:
    key, now = stored.key, clock.now(connection)
    outdated = "DELETE FROM answers WHERE key = ? AND at <= ?"
    connection.execute(outdated, (key, now - IDEMPOTENCY_SECONDS))
    sql = "INSERT INTO answers (key, at, fingerprint, packed, answer) VALUES (?, ?, ?, ?, ?)"
    try:
        connection.execute(sql, (key, now, stored.fingerprint, *packed))
    except sqlite3.IntegrityError as error:
        raise AlreadyAnswered(key) from error


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages = _number(connection, "PRAGMA page_count")
    return (pages - _number(connection, "PRAGMA freelist_count")) * PAGE


def _oldest_seconds(connection: sqlite3.Connection, uncollected: Iterable[Record]) -> float:
    ticks = [_number(connection, "SELECT min(seq) FROM records")]
    ticks += [ticks_of(record.id) for record in uncollected]
    oldest = min(filter(None, ticks), default=0)
    return max(time.time() - oldest / 4096 / 1000, 0.0) if oldest else 0.0


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return connection.execute(sql).fetchone()[0] or 0
