"""Archive what is old enough, day by day and file by file; a killed run loses and doubles nothing.

A file goes through three states in `archive_files`: begun, verified (read back, and equal to the
rows), deleted (its rows have left the other tables). Rows are deleted by what the verified file
holds, never by their age, so that a row that comes late stays.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from evidently_service.archive.tables import (
    CONTENTS,
    RESTORE,
    from_parquet,
    to_parquet,
    to_table,
)
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.retention import files
from vehicle_price.prediction_log.retention.files import ArchiveFile
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import Folder

log = logging.getLogger(__name__)

FILE_ROWS = 50_000  # of one file, which bounds the memory; a busy day has several
DELETE_ROWS = 2_000  # of one transaction


def finish_begun(connection: Connection, folder: Folder) -> None:
    """Finish what a killed run has begun. folder: of the archive.

    Raises psycopg2's errors, and StorageError for a verified file that is not there any more.
    """
    folder.delete([name for name, _ in folder.names(".drafts/")])  # of writers that were killed
    for file in files.unverified(connection):
        folder.delete([file.file])
        files.forget(connection, file)
    for file in files.undeleted(connection):
        _delete_rows(connection, folder, file)


def archive(connection: Connection, folder: Folder, before: datetime) -> int:
    """Archive all rows before that midnight in UTC; the number of rows. folder: of the archive.

    Raises psycopg2's errors, StorageError and OSError; what is archived by then stays archived.
    """
    total = 0
    for content in CONTENTS:
        for file in _archived(connection, folder, content, before):
            total += file.rows
            log.info("archived %d rows of %s in %s", file.rows, file.day, file.file)
    return total


def _archived(
    connection: Connection, folder: Folder, name: str, before: datetime
) -> Iterator[ArchiveFile]:
    content = CONTENTS[name]
    while first := content.first(connection, before):
        start = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + timedelta(days=1)
        table = to_table(content.schema, content.read(connection, start, end, FILE_ROWS))
        file = _described(name, start, table)
        files.start(connection, file)
        folder.write(file.file, to_parquet(table))
        _read(folder, file)
        files.verified(connection, file)
        _delete_rows(connection, folder, file)
        yield file


def _described(content: str, start: datetime, table: pa.Table) -> ArchiveFile:
    sha256 = content_hash(table)
    name = f"{content}/day={start:%Y-%m-%d}/{sha256[:16]}.parquet"
    ids = table["prediction_id"].to_pylist()
    return ArchiveFile(name, content, start.date(), table.num_rows, sha256, min(ids), max(ids))


def _read(folder: Folder, file: ArchiveFile) -> pa.Table:
    """The rows of a file, compared with what was written. Raises StorageError."""
    schema, address = CONTENTS[file.content].schema, f"{folder.uri}/{file.file}"
    try:
        content = folder.read(file.file)
    except FileNotFoundError as error:
        raise StorageError(f"{address}: no such file; {RESTORE}") from error
    return from_parquet(schema, content, address, file.sha256, file.rows)


def _delete_rows(connection: Connection, folder: Folder, file: ArchiveFile) -> None:
    """Delete the rows that a verified file holds, in batches. A repeated call changes nothing."""
    table = _read(folder, file)
    for batch in table.to_batches(DELETE_ROWS):
        CONTENTS[file.content].delete(connection, batch.to_pylist())
    files.deleted(connection, file)
