"""Move the journals' records into the outbox's table: each record once, whichever process dies.

The position up to which a journal has been collected is committed together with its records. A
journal that no process writes any more is removed when all of it is in the table.
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

RECORDS_PER_TRANSACTION = 200  # small, so that a nearly full outbox still accepts a part
SET_POSITION = "INSERT OR REPLACE INTO journals (name, collected) VALUES (?, ?)"


def collect(connection: sqlite3.Connection, folder: Path) -> None:
    """Move all records that are in journals. connection: the only one that writes at this moment
    (`OutboxFile.writing`).

    Raises sqlite3.Error; records that are not yet in the table stay in their journal.
    """
    positions = _collected_positions(connection)
    paths = journal.files(folder)
    for path in paths:
        with path.open("rb") as file:
            _collect_file(connection, file, positions.get(path.name, 0))
    removed = positions.keys() - {path.name for path in paths}
    if removed:
        names = [(name,) for name in removed]
        connection.executemany("DELETE FROM journals WHERE name = ?", names)


def uncollected_records(connection: sqlite3.Connection, folder: Path) -> Iterator[Record]:
    """The records that only the journals hold. A record that is collected meanwhile may be among
    them, so a reader that looks here first and into the table afterwards misses none."""
    positions = _collected_positions(connection)
    for path in journal.files(folder):
        with suppress(FileNotFoundError):  # collected and removed meanwhile
            content = path.read_bytes()[positions.get(path.name, 0) :]
            yield from (record for record, _ in journal.frames(content))


def _collected_positions(connection: sqlite3.Connection) -> dict[str, int]:
    """The number of bytes of each journal that are in the table."""
    return dict(connection.execute("SELECT name, collected FROM journals"))


def _collect_file(connection: sqlite3.Connection, file: IO[bytes], position: int) -> None:
    path = Path(file.name)
    abandoned = _is_abandoned(file)  # before reading, so that a last record is not missed
    file.seek(position)
    content = file.read()
    collected = 0
    for batch in _batches(content):
        collected = batch[-1][1]
        with atomic(connection):
            for record, _ in batch:
                records.insert(connection, record)
            connection.execute(SET_POSITION, (path.name, position + collected))
    if abandoned:
        _remove(path, len(content) - collected, position + collected)


def _batches(content: bytes) -> Iterator[Sequence[tuple[Record, int]]]:
    frames = journal.frames(content)
    while batch := list(islice(frames, RECORDS_PER_TRANSACTION)):
        yield batch


def _is_abandoned(file: IO[bytes]) -> bool:
    """Whether the process that wrote the journal has closed it or has ended."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(path: Path, unread_bytes: int, position: int) -> None:
    """Delete a journal. One with an unreadable end is renamed instead.

    A process that was killed while writing leaves such an end; that price was not answered yet.
    """
    if not unread_bytes:
        path.unlink()
        return
    renamed = path.with_suffix(".rest")
    path.rename(renamed)
    log.warning(
        "%s: %d bytes from byte %d on are no whole record. They are what a killed worker had not "
        "answered yet, or damage to the disk; nothing reads this file any more",
        *(renamed, unread_bytes, position),
    )
