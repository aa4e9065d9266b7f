"""The outbox's entries, and the table of those that wait for PostgreSQL."""

import sqlite3
from typing import Literal, NamedTuple

from vehicle_price.prediction_log.ids import ticks_of

Kind = Literal["prediction", "feedback", "shadow"]
TAKEN = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID)
NEARBY = 64  # how far a record can lie from its id's place
INSERT = "INSERT INTO records (seq, id, kind, body) VALUES (?, ?, ?, ?)"
FIND = "SELECT body FROM records WHERE seq BETWEEN ? AND ? AND id = ? AND kind = ?"


class Record(NamedTuple):
    """One request's entry. id: of the request (`ids.new_id`). body: JSON, see `codec.py`."""

    id: str
    kind: Kind
    body: bytes


def insert(connection: sqlite3.Connection, record: Record) -> None:
    """Put `record` where its id's time says, or at the next free place.

    So a single tree, written at its end only, serves to append, to drain in order and to find.
    """
    place = ticks_of(record.id)
    while True:
        try:
            connection.execute(INSERT, (place, record.id, record.kind, record.body))
            return
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode not in TAKEN:
                raise
            place += 1


def find(connection: sqlite3.Connection, record_id: str, kind: Kind) -> bytes | None:
    """The body of a record in the table."""
    place = ticks_of(record_id)
    found = connection.execute(FIND, (place, place + NEARBY, record_id, kind)).fetchone()
    return found[0] if found else None
