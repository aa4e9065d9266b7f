"""Move the outbox to PostgreSQL, exactly once.

A record is deleted from the outbox after PostgreSQL has committed it. A record that was committed
and not yet deleted is sent again after a crash; PostgreSQL ignores it, because its key exists.
"""

import logging
import socket
import sqlite3
import time
from contextlib import suppress

from service.forwarder.drain import DeadLetter, Drain, QueuedRecord
from service.outbox import codec, forwarder_status
from service.outbox.outbox import OutboxUnavailable
from vehicle_price.prediction_log import completeness
from vehicle_price.prediction_log.database import Address, Connection, connect, translated
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.migrations.schema import prepare
from vehicle_price.prediction_log.rows import Rows, concatenate
from vehicle_price.prediction_log.writer import insert

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
IDLE_SECONDS = 0.2
REST = 3.0  # times the work: beside busy workers, records may wait in the outbox
MAX_REST_SECONDS = 1.0  # also after a batch for which the database took long
HURRY_SHARE = 0.25  # of the outbox
COMPLETENESS_SECONDS = 1.0  # between two reports of how complete the database is
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.25, 5.0
WHAT_TO_DO = "predictions wait in the outbox, nothing is lost; `make status` shows what runs"


class Forwarder:
    """Moves one outbox to one database. timeout: of a statement, in seconds."""

    def __init__(self, drain: Drain, address: Address, timeout: float = TIMEOUT_SECONDS) -> None:
        self.drain, self.address, self.timeout = drain, address, timeout
        self._connection: Connection | None = None
        self._reported: str | None = None
        self._completeness_at = 0.0

    def step(self) -> int:
        """Move one batch; returns the number of records that left the outbox.

        Raises DatabaseUnavailable, sqlite3.Error.
        """
        batch = self.drain.batch()
        if not batch:
            return 0
        readable, dead_letters = _decode(batch)
        try:
            dead_letters += self._send(readable)
        except DatabaseUnavailable:
            self.disconnect()
            raise
        dead_seqs = {letter.queued.seq for letter in dead_letters}
        self.drain.delete([queued for queued in batch if queued.seq not in dead_seqs])
        for letter in dead_letters:
            self.drain.move_to_dead_letters(letter)
            record = letter.queued.record
            log.error(
                "put aside %s %s, the rest goes on: %s", record.kind, record.id, letter.reason
            )
        return len(batch)

    def report_completeness(self, clock: float) -> None:
        """Write to the database up to when it has all records of this outbox, now and then.

        clock: monotonic seconds. Raises DatabaseUnavailable, OutboxUnavailable.
        """
        if clock - self._completeness_at < COMPLETENESS_SECONDS:
            return
        complete_until = time.time() - self.drain.outbox.oldest_seconds()
        instance = f"{socket.gethostname()}:{self.drain.file.path.resolve()}"
        with translated(self.address):
            completeness.report(self._connection, instance, complete_until)
        self._completeness_at = clock

    def run(self) -> None:
        """Move batches until the process ends."""
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                self._connect()
                started = time.monotonic()
                moved = self.step()
                self.report_completeness(time.monotonic())
                self._report("")
                pause = FIRST_RETRY_SECONDS
                time.sleep(self._rest(time.monotonic() - started) if moved else IDLE_SECONDS)
            except (DatabaseUnavailable, OutboxUnavailable, sqlite3.Error) as error:
                self._report(str(error))
                time.sleep(pause)
                pause = min(pause * 2, MAX_RETRY_SECONDS)

    def disconnect(self) -> None:
        """Close the connection; the next step opens a new one and looks at the schema."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _rest(self, seconds: float) -> float:
        """How long to rest after a batch that took so long: not at all in an outbox that fills."""
        if self.drain.outbox.used() > HURRY_SHARE:
            return 0.0
        return min(REST * seconds, MAX_REST_SECONDS)

    def _connect(self) -> None:
        if self._connection is None:
            prepare(self.address)
            with translated(self.address):
                self._connection = connect(self.address, self.timeout)

    def _send(self, readable: list[tuple[QueuedRecord, Rows]]) -> list[DeadLetter]:
        """Write all rows in one transaction, or else record by record; returns refused records."""
        try:
            self._insert(concatenate([rows for _, rows in readable]))
            return []
        except ValueError:  # a row is wrong: find out which
            log.warning("a batch of %d records is refused: sending them one by one", len(readable))
        dead_letters = []
        for queued, rows in readable:
            try:
                self._insert(rows)
            except ValueError as error:
                dead_letters.append(DeadLetter(queued, str(error)))
        return dead_letters

    def _insert(self, rows: Rows) -> None:
        self._connect()
        with translated(self.address):
            insert(self._connection, rows)

    def _report(self, problem: str) -> None:
        """Log a change of state, once."""
        if problem == self._reported:
            return
        if problem:
            log.warning("%s; %s", problem, WHAT_TO_DO)
        else:
            log.info("moving predictions to %s", self.address)
        self._reported = problem
        with suppress(OSError):  # a full disk: the log has the state
            forwarder_status.write(self.drain.file.path, problem)


def _decode(
    batch: list[QueuedRecord],
) -> tuple[list[tuple[QueuedRecord, Rows]], list[DeadLetter]]:
    """The rows of each record, and the malformed records."""
    readable: list[tuple[QueuedRecord, Rows]] = []
    dead_letters: list[DeadLetter] = []
    for queued in batch:
        try:
            readable.append((queued, codec.rows_of(queued.record)))
        except (ValueError, KeyError, TypeError) as error:
            dead_letters.append(DeadLetter(queued, f"malformed: {error!r}"[:500]))
    return readable, dead_letters
