"""Start `python -m evidently_service.archive` once a day, if there is work, without waiting.

It is a process of its own because a day's predictions take memory, and may take minutes.
"""

import logging
import sys
import time

from evidently_service.archive.plan import make_plan, work_of
from evidently_service.child_process import ChildProcess
from vehicle_price.prediction_log.database import Connection
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "evidently_service.archive")
DAY_SECONDS = 86_400.0
FAILURE_SECONDS = 3_600.0  # between the end of a run that failed and the next one


class DailyArchive:
    """Keeps at most one process at work. What it does not finish, the next one does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process = ChildProcess(COMMAND)
        self._next_look = 0.0

    def step(self, connection: Connection) -> None:
        """Start the process if it is time and there is work. Raises psycopg2's errors."""
        if status := self._process.failure():
            log.warning("the archive ended with status %d; it is started again later", status)
            self._next_look = time.monotonic() + FAILURE_SECONDS
        if self._process.is_running() or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + DAY_SECONDS
        if work_of(connection, make_plan(connection, self.settings)).is_any:
            self._process.start()
