"""`python -m evidently_service.archive.daily`: migrate the prediction log, then archive every day.

It alone signs in as the owner of the database. What archives is a process of its own, because a
day's predictions take memory, and may take minutes.
"""

import logging
import sys
import time

from evidently_service.archive.plan import make_plan, work_of
from evidently_service.child_process import ChildProcess
from vehicle_price.log_setup import configure
from vehicle_price.prediction_log.database import Connection, address_of, connected, translated
from vehicle_price.prediction_log.errors import DatabaseUnavailable, InvalidRow
from vehicle_price.prediction_log.migrations.schema import prepare
from vehicle_price.settings import Settings

log = logging.getLogger("evidently_service.archive")

SECONDS = 60.0  # for an answer of the database
LOOK_SECONDS = 60.0  # between two looks at whether it is time
FIRST_RETRY_SECONDS = 0.5  # while the database starts; then it doubles
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


def main() -> None:
    """Migrate, then archive every day, until stopped."""
    settings = Settings.from_environment()
    configure(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _migrate(settings)
    daily, address = DailyArchive(settings), address_of(settings)
    while True:
        try:
            with connected(address, SECONDS) as connection, translated(address):
                daily.step(connection)
        except (DatabaseUnavailable, InvalidRow) as error:
            log.warning("%s; the archive waits, nothing is lost", error)
        time.sleep(LOOK_SECONDS)


def _migrate(settings: Settings) -> None:
    """Bring the schema to this version, as soon as the database is there."""
    pause, address = FIRST_RETRY_SECONDS, address_of(settings)
    while True:
        try:
            prepare(address)
            log.info("%s has the schema of this version", address)
            return
        except (DatabaseUnavailable, InvalidRow) as error:
            log.warning("%s; trying again in %.1f s", error, pause)
        time.sleep(pause)
        pause = min(pause * 2, LOOK_SECONDS)


if __name__ == "__main__":
    main()
