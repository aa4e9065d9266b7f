"""Move what the journals hold into the outbox's table: each record once, whoever is killed.

How far a journal has been collected is committed together with its records. A file that nobody
writes any more is removed when all of it is in the table.
"""

import fcntl
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO

from service.outbox import journal, records
from service.outbox.records import Record
from service.outbox.sqlite_file import atomic

log = logging.getLogger(__name__)

AT_ONCE = 200  # records a transaction: what is full may still take a part
REMEMBER = "INSERT OR REPLACE INTO journals (name, collected) VALUES (?, ?)"


def collect(connection: sqlite3.Connection, folder: Path) -> None:
    """Move all that is there. connection: the only one that writes now (`OutboxFile.writing`).

    Raises sqlite3.Error, with what is not yet in the table still in its journal.
    """
    known = _collected(connection)
    paths = journal.files(folder)
    for path in paths:
        with path.open("rb") as file:
            _collect(connection, file, known.get(path.name, 0))
    gone = known.keys() - {path.name for path in paths}
    if gone:
        connection.executemany("DELETE FROM journals WHERE name = ?", [(name,) for name in gone])


def waiting(connection: sqlite3.Connection, folder: Path) -> Iterator[Record]:
    """The records that are in the journals alone. One that is collected meanwhile may be among
    them: who looks here first and into the table after that misses none."""
    known = _collected(connection)
    for path in journal.files(folder):
        with suppress(FileNotFoundError):  # collected meanwhile
            content = path.read_bytes()[known.get(path.name, 0) :]
            yield from (record for record, _ in journal.frames(content))


def _collected(connection: sqlite3.Connection) -> dict[str, int]:
    """How many bytes of each journal are in the table."""
    return dict(connection.execute("SELECT name, collected FROM journals"))


def _collect(connection: sqlite3.Connection, file: IO[bytes], done: int) -> None:
    path = Path(file.name)
    left = _is_left(file)  # asked first: what is written between this and reading is read
    file.seek(done)
    content = file.read()
    taken = 0
    for part in _parts(content):
        taken = part[-1][1]
        with atomic(connection):
            for record, _ in part:
                records.insert(connection, record)
            connection.execute(REMEMBER, (path.name, done + taken))
    if left:
        _remove(path, len(content) - taken, done + taken)


def _parts(content: bytes) -> Iterator[Sequence[tuple[Record, int]]]:
    found = journal.frames(content)
    while part := list(islice(found, AT_ONCE)):
        yield part


def _is_left(file: IO[bytes]) -> bool:
    """Whether the process that wrote it has closed it or is gone."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(path: Path, rest: int, at: int) -> None:
    """Remove a journal; one whose end cannot be read is put aside.

    What was being written when a process was killed is such an end. It was not answered yet.
    """
    if not rest:
        path.unlink()
        return
    aside = path.with_suffix(".rest")
    path.rename(aside)
    log.warning(
        "%s: %d bytes from byte %d on are no whole record. They are what a killed worker had not "
        "answered yet, or damage to the disk; nothing reads this file any more",
        *(aside, rest, at),
    )
