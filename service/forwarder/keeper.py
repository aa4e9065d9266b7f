"""Maintain the outbox's file: sync, checkpoint, collect journals, delete expired answers."""

import sqlite3
import time
from contextlib import suppress

from service.forwarder.drain import Drain
from service.outbox.outbox import OutboxUnavailable

STEP_SECONDS, EXPIRY_SECONDS = 0.25, 15.0
FIRST_CHECKPOINT_SECONDS, MAX_CHECKPOINT_SECONDS = 1.0, 30.0
PAGES_PER_CHECKPOINT = 2_000


class Keeper:
    """Maintains the file in a thread beside the forwarder, which the database may block."""

    def __init__(self, drain: Drain) -> None:
        self.drain = drain
        self._checkpoint_seconds = FIRST_CHECKPOINT_SECONDS
        self._checkpointed_at = self._expired_at = 0.0

    def step(self, clock: float) -> None:
        """Sync and collect each time, the rest when it is due. clock: monotonic seconds.

        Raises sqlite3.Error, OSError, OutboxUnavailable.
        """
        self.drain.sync()
        self.drain.keep_reserve()
        elapsed = clock - self._checkpointed_at
        if elapsed >= self._checkpoint_seconds:
            self._checkpointed_at = clock
            pages = self.drain.checkpoint()
            seconds = elapsed * PAGES_PER_CHECKPOINT / max(pages, 1)
            self._checkpoint_seconds = min(max(seconds, STEP_SECONDS), MAX_CHECKPOINT_SECONDS)
        if clock - self._expired_at >= EXPIRY_SECONDS:
            self._expired_at = clock
            self.drain.delete_expired_answers()
        self.drain.collect()  # last: in a full outbox it fails until answers are deleted

    def run(self) -> None:
        """Step until the process ends."""
        while True:
            with suppress(sqlite3.Error, OSError, OutboxUnavailable):  # busy or full: tried again
                self.step(time.monotonic())
            time.sleep(STEP_SECONDS)
