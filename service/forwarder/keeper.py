"""Keep the file behind the outbox fit: sync, checkpoint, collect journals, forget answers."""

import sqlite3
import time
from contextlib import suppress

from service.forwarder.drain import Drain
from service.outbox.outbox import OutboxUnavailable

KEEP_SECONDS, FORGET_SECONDS = 0.25, 15.0
FIRST_CHECKPOINT_SECONDS, LAST_CHECKPOINT_SECONDS = 1.0, 30.0
PAGES_A_CHECKPOINT = 2_000


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
