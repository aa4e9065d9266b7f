"""`python -m service.forwarder`: move the outbox to PostgreSQL, exactly once.

A record is deleted here after PostgreSQL has committed it. What was committed and not yet deleted
is sent again after a crash, and PostgreSQL ignores it: its key is there already.
"""

import logging
import sqlite3
import threading
import time
from contextlib import suppress

from service import envelope, log_state
from service.logs import configure
from service.outbox import OutboxUnavailable, outbox_of
from service.outbox_drain import AnotherForwarder, Dead, Drain, Waiting
from vehicle_price.database import (
    Address,
    Connection,
    DatabaseAway,
    address_of,
    connect,
    migrate,
    translated,
)
from vehicle_price.prediction_rows import Rows, joined
from vehicle_price.predictions import insert
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
IDLE_SECONDS = 0.2
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.25, 5.0
KEEP_SECONDS, FORGET_SECONDS = 0.25, 15.0
FIRST_CHECKPOINT_SECONDS, LAST_CHECKPOINT_SECONDS = 1.0, 30.0
PAGES_A_CHECKPOINT = 2_000
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
            log_state.write(self.drain.file.path, problem)


class Keeper:
    """Keeps the file behind the outbox fit.

    Beside the forwarder, in a thread of its own: the database may keep that one waiting.
    """

    def __init__(self, drain: Drain) -> None:
        self.drain = drain
        self._checkpoint_every = FIRST_CHECKPOINT_SECONDS
        self._checkpointed = self._forgot = 0.0

    def step(self, clock: float) -> None:
        """Sync and collect always, the rest when its time has come.

        clock: seconds that never go back.
        Raises sqlite3.Error, OSError, OutboxUnavailable.
        """
        self.drain.sync()
        self.drain.keep_reserve()
        since = clock - self._checkpointed
        if since >= self._checkpoint_every:
            self._checkpointed = clock
            pages = self.drain.checkpoint()
            wanted = since * PAGES_A_CHECKPOINT / max(pages, 1)
            self._checkpoint_every = min(max(wanted, KEEP_SECONDS), LAST_CHECKPOINT_SECONDS)
        if clock - self._forgot >= FORGET_SECONDS:
            self._forgot = clock
            self.drain.forget_answers()
        self.drain.collect()  # last: in a full outbox it fails until answers are forgotten

    def run(self) -> None:
        """Step until the process ends."""
        while True:
            with suppress(sqlite3.Error, OSError, OutboxUnavailable):  # busy or full: again soon
                self.step(time.monotonic())
            time.sleep(KEEP_SECONDS)


def _read(waiting: list[Waiting]) -> tuple[list[tuple[Waiting, Rows]], list[Dead]]:
    """The rows of each record, and the records that are malformed."""
    good: list[tuple[Waiting, Rows]] = []
    dead: list[Dead] = []
    for one in waiting:
        try:
            good.append((one, envelope.rows(one.record)))
        except (ValueError, KeyError, TypeError) as error:
            dead.append(Dead(one, f"malformed: {error!r}"[:500]))
    return good, dead


def main() -> None:
    """Move predictions until stopped."""
    settings = Settings.from_environment()
    configure(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    drain = Drain(outbox_of(settings))
    while True:
        try:
            with drain.alone():
                # A connection of its own, so that neither thread waits for the other.
                keeper = Keeper(Drain(outbox_of(settings)))
                threading.Thread(target=keeper.run, name="keeper", daemon=True).start()
                Forwarder(drain, address_of(settings)).run()
        except AnotherForwarder as error:
            log.warning("another forwarder holds %s: waiting for its end", error)
            time.sleep(LAST_RETRY_SECONDS)


if __name__ == "__main__":
    main()
