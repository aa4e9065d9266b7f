"""A clock that goes on evenly when the system's clock is set, for the age of stored answers.

The system's clock is read once after each boot of the machine. From then on the seconds since the
boot are added, which nobody can set.
"""

import sqlite3
import time
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START = """
INSERT OR IGNORE INTO clock (boot, started_at)
SELECT ?, max(?, coalesce((SELECT max(at) FROM answers), 0)) - ?
"""


def start(connection: sqlite3.Connection) -> None:
    """Read the system's clock, if no process has done so since the boot.

    It must not be before the newest answer. connection: the only one that writes at this moment.
    """
    if _started_at(connection) is not None:
        return
    try:
        connection.execute(START, (_boot(), time.time(), _since_boot()))
        connection.execute("DELETE FROM clock WHERE boot != ?", (_boot(),))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise  # a full disk: `now` reads the system's clock until there is room


def now(connection: sqlite3.Connection) -> float:
    """Seconds since 1970, as the system's clock had them when it was read."""
    started_at = _started_at(connection)
    return time.time() if started_at is None else started_at + _since_boot()


def _started_at(connection: sqlite3.Connection) -> float | None:
    row = connection.execute("SELECT started_at FROM clock WHERE boot = ?", (_boot(),)).fetchone()
    return row[0] if row else None


@cache
def _boot() -> str:
    return BOOT_ID.read_text(encoding="ascii").strip()


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
