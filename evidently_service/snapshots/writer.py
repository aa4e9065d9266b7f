"""Start `python -m evidently_service.snapshots` when snapshots are missing, without waiting.

It is a process of its own because Evidently takes 300 MB and seconds, once a day.
"""

import logging
import sys
import time

from evidently_service.child_process import ChildProcess
from evidently_service.snapshots.data import wanted_pictures
from evidently_service.snapshots.wanted import file_of, superfluous, workspace
from vehicle_price.prediction_log.database import Connection
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "evidently_service.snapshots")
PAUSE_SECONDS = 60.0  # between two starts; in a rehearsal windows close each few seconds
FAILURE_SECONDS = 600.0  # after a failure


class SnapshotWriter:
    """Keeps at most one process at work. What it does not finish, the next one does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process = ChildProcess(COMMAND)
        self._look = True  # whether snapshots may be missing
        self._next_start = 0.0

    def step(self, connection: Connection, closed: bool) -> None:
        """Start the process if snapshots are missing. closed: a window has just closed.

        Raises psycopg2's errors.
        """
        self._look = self._look or closed
        if status := self._process.failure():
            log.warning("not all snapshots were written: status %d; tried again later", status)
            self._look = True
            self._next_start = time.monotonic() + FAILURE_SECONDS
        is_early = time.monotonic() < self._next_start
        if self._process.is_running() or not self._look or is_early:
            return
        self._look = False
        if self._is_missing(connection):
            self._next_start = time.monotonic() + PAUSE_SECONDS
            self._process.start()

    def _is_missing(self, connection: Connection) -> bool:
        folder = workspace(self.settings.evidently_dir)
        pictures = wanted_pictures(connection, self.settings)
        missing = any(not file_of(folder, picture).exists() for picture in pictures)
        return missing or bool(superfluous(folder, pictures))
