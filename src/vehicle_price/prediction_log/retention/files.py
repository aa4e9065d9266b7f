"""The table `archive_files`: a row for each file of the archive, and how far it is."""

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the service imports this without the database driver
    from vehicle_price.prediction_log.database import Connection

COLUMNS = "file, content, day, rows, sha256, first_id::text, last_id::text"
START = """
INSERT INTO archive_files (file, content, day, rows, sha256, first_id, last_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
VERIFIED = "UPDATE archive_files SET verified_at = now() WHERE file = %s"
DELETED = "UPDATE archive_files SET deleted_at = now() WHERE file = %s"
FORGET = "DELETE FROM archive_files WHERE file = %s AND verified_at IS NULL"
UNVERIFIED = f"SELECT {COLUMNS} FROM archive_files WHERE verified_at IS NULL ORDER BY file"
UNDELETED = f"""
SELECT {COLUMNS} FROM archive_files WHERE verified_at IS NOT NULL AND deleted_at IS NULL
ORDER BY day, file
"""
# Ids begin with the time, so the files of days that are no neighbours have no id in common.
WITH_ID = """
SELECT file FROM archive_files
WHERE content = 'predictions' AND verified_at IS NOT NULL AND %(id)s BETWEEN first_id AND last_id
ORDER BY day, file LIMIT 3
"""


class ArchiveFile(NamedTuple):
    """A file of the archive. file: its name below the archive's folder. content: predictions or
    reports. sha256: of its rows. first_id, last_id: smallest and largest id of a prediction."""

    file: str
    content: str
    day: date
    rows: int
    sha256: str
    first_id: str
    last_id: str


def start(connection: "Connection", file: ArchiveFile) -> None:
    """Record a file that will be written now."""
    _execute(connection, START, file)


def verified(connection: "Connection", file: ArchiveFile) -> None:
    """Record that a file is complete: from now on its rows may be deleted."""
    _execute(connection, VERIFIED, (file.file,))


def deleted(connection: "Connection", file: ArchiveFile) -> None:
    """Record that the rows of a file have left the other tables."""
    _execute(connection, DELETED, (file.file,))


def forget(connection: "Connection", file: ArchiveFile) -> None:
    """Remove the row of a file that was never verified."""
    _execute(connection, FORGET, (file.file,))


def unverified(connection: "Connection") -> list[ArchiveFile]:
    """Files that a killed process has begun; they may be incomplete or missing."""
    return [ArchiveFile(*row) for row in _execute(connection, UNVERIFIED, ())]


def undeleted(connection: "Connection") -> list[ArchiveFile]:
    """Complete files whose rows may still be in the other tables."""
    return [ArchiveFile(*row) for row in _execute(connection, UNDELETED, ())]


def files_with(connection: "Connection", prediction_id: str) -> list[str]:
    """The files of the archive that hold this prediction, if it was ever made."""
    return [file for (file,) in _execute(connection, WITH_ID, {"id": prediction_id})]


def _execute(connection: "Connection", sql: str, values: object) -> list[tuple]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []
