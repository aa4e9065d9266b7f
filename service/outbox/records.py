"""The outbox's records, and the table of those that wait for PostgreSQL."""

import sqlite3
from typing import Literal, NamedTuple

from vehicle_price.prediction_log.ids import ticks_of
from vehicle_price.prediction_log.rows import Channel

Kind = Literal["prediction", "feedback", "shadow"]
SEQ_IN_USE = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID)
MAX_DISTANCE = 64  # between a record's key and the time in its id
INSERT = "INSERT INTO records (seq, id, kind, body) VALUES (?, ?, ?, ?)"
FIND = "SELECT body FROM records WHERE seq BETWEEN ? AND ? AND id = ? AND kind = ?"


class Origin(NamedTuple):
    """The request that a prediction answers; the fields are those of `PredictionRow`."""

    request_id: str = ""
    idempotency_key: str | None = None
    channel: Channel = "api"
    caller: str = ""


class Record(NamedTuple):
    """One request's record. id: of the request (`ids.new_id`). body: JSON, see `codec.py`."""

    id: str
    kind: Kind
    body: bytes


def insert(connection: sqlite3.Connection, record: Record) -> None:
    """Insert `record` under the time in its id, or under the next free key.

    The key is the time in the id: inserts append, reads come in order, look-ups need no second
    index.
    """
    seq = ticks_of(record.id)
    while True:
        try:
            connection.execute(INSERT, (seq, record.id, record.kind, record.body))
            return
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode not in SEQ_IN_USE:
                raise
            seq += 1


def find(connection: sqlite3.Connection, record_id: str, kind: Kind) -> bytes | None:
    """The body of a record in the table, None when it is not there."""
    seq = ticks_of(record_id)
    row = connection.execute(FIND, (seq, seq + MAX_DISTANCE, record_id, kind)).fetchone()
    return row[0] if row else None
