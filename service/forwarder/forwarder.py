"""Move the outbox to PostgreSQL, exactly once.

A record is deleted here after PostgreSQL has committed it. What was committed and not yet deleted
is sent again after a crash, and PostgreSQL ignores it: its key is there already.
"""

import logging
import sqlite3
import time
from contextlib import suppress

from service.forwarder.drain import Dead, Drain, Waiting
from service.outbox import codec, forwarder_status
from service.outbox.outbox import OutboxUnavailable
from vehicle_price.prediction_log.database import (
    Address,
    Connection,
    DatabaseAway,
    connect,
    migrate,
    translated,
)
from vehicle_price.prediction_log.rows import Rows, joined
from vehicle_price.prediction_log.writer import insert

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
IDLE_SECONDS = 0.2
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.25, 5.0
WHAT_TO_DO = "predictions wait in the outbox, nothing is lost; `make status` shows what runs"


class Forwarder:
    """Moves one outbox to one database."""

    def __init__(self, drain: Drain, address: Address, patience: float = PATIENCE_SECONDS) -> None:
        self.drain, self.address, self.patience = drain, address, patience
        self._connection: Connection | None = None
        self._reported: str | None = None

    def step(self) -> int:
        """Move one batch; how many records left the outbox. Raises DatabaseAway, sqlite3.Error."""
        waiting = self.drain.batch()
        if not waiting:
            return 0
        good, dead = _read(waiting)
        try:
            dead += self._send(good)
        except DatabaseAway:
            self.disconnect()
            raise
        buried = {one.waiting.place for one in dead}
        self.drain.arrived([one for one in waiting if one.place not in buried])
        for one in dead:
            self.drain.bury(one)
            record = one.waiting.record
            log.error("put aside %s %s, the rest goes on: %s", record.kind, record.id, one.reason)
        return len(waiting)

    def run(self) -> None:
        """Move batches until the process ends."""
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                self._prepare()
                moved = self.step()
                self._report("")
                pause = FIRST_RETRY_SECONDS
                if not moved:
                    time.sleep(IDLE_SECONDS)
            except (DatabaseAway, OutboxUnavailable, sqlite3.Error) as error:
                self._report(str(error))
                time.sleep(pause)
                pause = min(pause * 2, LAST_RETRY_SECONDS)

    def disconnect(self) -> None:
        """Drop the connection; the next step opens a new one and looks at the schema."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _prepare(self) -> None:
        if self._connection is None:
            migrate(self.address)
            with translated(self.address):
                self._connection = connect(self.address, self.patience)

    def _send(self, good: list[tuple[Waiting, Rows]]) -> list[Dead]:
        """Write the rows of all, or else of each for itself; what PostgreSQL refuses."""
        try:
            self._insert(joined([rows for _, rows in good]))
            return []
        except ValueError:  # a row is wrong: find out which
            log.warning("a batch of %d records is refused: sending them one by one", len(good))
        dead = []
        for waiting, rows in good:
            try:
                self._insert(rows)
            except ValueError as error:
                dead.append(Dead(waiting, str(error)))
        return dead

    def _insert(self, rows: Rows) -> None:
        self._prepare()
        with translated(self.address):
            insert(self._connection, rows)

    def _report(self, problem: str) -> None:
        """Log a change, once."""
        if problem == self._reported:
            return
        if problem:
            log.warning("%s; %s", problem, WHAT_TO_DO)
        else:
            log.info("moving predictions to %s", self.address)
        self._reported = problem
        with suppress(OSError):  # a full disk: the log has it
            forwarder_status.write(self.drain.file.path, problem)


def _read(waiting: list[Waiting]) -> tuple[list[tuple[Waiting, Rows]], list[Dead]]:
    """The rows of each record, and the records that are malformed."""
    good: list[tuple[Waiting, Rows]] = []
    dead: list[Dead] = []
    for one in waiting:
        try:
            good.append((one, codec.rows(one.record)))
        except (ValueError, KeyError, TypeError) as error:
            dead.append(Dead(one, f"malformed: {error!r}"[:500]))
    return good, dead
