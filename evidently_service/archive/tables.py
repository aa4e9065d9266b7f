"""The rows of a file of the archive: as an Arrow table, as Parquet, and as what is deleted."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.retention import archived_rows
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.errors import StorageError

RESTORE = "no row is deleted; setup/runbook.md says what to do"
TEXT, NUMBER, TIME = pa.string(), pa.int64(), pa.timestamp("us", "UTC")
PREDICTIONS = pa.schema(
    [
        ("prediction_id", TEXT),
        ("created_at", TIME),
        ("request_id", TEXT),
        ("position", NUMBER),
        ("idempotency_key", TEXT),
        ("role", TEXT),
        ("channel", TEXT),
        ("caller", TEXT),
        ("listing", TEXT),  # JSON
        ("price", NUMBER),
        ("low", NUMBER),
        ("high", NUMBER),
        ("warnings", TEXT),  # JSON
        ("logged_at", TIME),
        ("model_name", TEXT),
        ("model_version", TEXT),
        ("run_id", TEXT),
        ("data_sha256", TEXT),
        ("code_commit", TEXT),
        ("reported_price", NUMBER),  # what counts; empty without feedback
        ("reported_at", TIME),
        ("reported_by", TEXT),
        ("reports", TEXT),  # JSON: every report
        ("shadows", TEXT),  # JSON: the answers of shadow models
    ]
)
REPORTS = pa.schema(
    [("prediction_id", TEXT), ("key_name", TEXT), ("price", NUMBER), ("received_at", TIME)]
)

Read = Callable[[Connection, datetime, datetime, int], list[tuple]]


class Content(NamedTuple):
    """What a file holds. first: the oldest row before a moment. read: the oldest rows of a time.

    delete: (rows as dicts) → deletes them, in one transaction.
    """

    schema: pa.Schema
    first: Callable[[Connection, datetime], datetime | None]
    read: Read
    delete: Callable[[Connection, Sequence[Mapping[str, Any]]], None]


def to_table(schema: pa.Schema, rows: Sequence[tuple]) -> pa.Table:
    """Rows of the database as a table."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def to_parquet(table: pa.Table) -> bytes:
    """The content of the table's file."""
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    return content.getvalue()


def from_parquet(schema: pa.Schema, content: bytes, name: str, sha256: str, rows: int) -> pa.Table:
    """The table that a file holds. Raises StorageError unless it has these rows, by their hash."""
    try:
        table = pq.read_table(io.BytesIO(content), schema=schema).replace_schema_metadata()
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{name}: unreadable ({error}); {RESTORE}") from error
    if table.num_rows != rows or content_hash(table) != sha256:
        raise StorageError(f"{name}: not the {rows:,} rows that were written; {RESTORE}")
    return table


def _delete_predictions(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    ids = [row["prediction_id"] for row in rows]
    reports, shadows = (json.dumps(list(_members(rows, name))) for name in ("reports", "shadows"))
    archived_rows.delete_predictions(connection, ids, reports, shadows)


def _members(rows: Sequence[Mapping[str, Any]], name: str) -> Iterator[Any]:
    """All members of the JSON lists of a column."""
    for row in rows:
        yield from json.loads(row[name] or "[]")


def _delete_reports(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    reports = [{**row, "received_at": row["received_at"].isoformat()} for row in rows]
    ids = [row["prediction_id"] for row in rows]
    archived_rows.delete_reports(connection, ids, json.dumps(reports))


# In this order: reports are archived by themselves once their predictions are gone.
CONTENTS: Mapping[str, Content] = {
    "predictions": Content(
        PREDICTIONS,
        archived_rows.first_prediction,
        archived_rows.predictions,
        _delete_predictions,
    ),
    "reports": Content(REPORTS, archived_rows.first_report, archived_rows.reports, _delete_reports),
}
