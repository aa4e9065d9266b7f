"""The predictions and the feedback of a window of monitoring, as frames."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from vehicle_price.prediction_log.database import Connection

REQUESTS = """
SELECT channel, role, model_version, request_id, caller, created_at, listing, price, low, high,
       warnings
FROM predictions WHERE created_at >= %(start)s AND created_at < %(end)s
ORDER BY created_at, prediction_id
"""
# The window of a report is that of its prediction, however late it comes.
FEEDBACK = """
SELECT p.channel, p.role, p.model_version, p.created_at, p.listing, p.price, p.low, p.high,
       f.price AS reported, f.key_name
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.created_at >= %(start)s AND p.created_at < %(end)s
ORDER BY p.created_at, p.prediction_id
"""
WITH_FEEDBACK = """
SELECT DISTINCT floor(extract(epoch FROM p.created_at) / %(seconds)s)::bigint
FROM feedback f JOIN predictions p USING (prediction_id)
WHERE f.received_at >= %(since)s AND p.created_at >= %(oldest)s AND p.created_at < %(end)s
"""
FIRST = "SELECT min(created_at) FROM predictions"


def read_requests(connection: Connection, start: datetime, end: datetime) -> pd.DataFrame:
    """The predictions of a window, a row each: the columns of their listings, and channel, role,
    model_version, request_id, caller, created_at, price, low, high, warnings."""
    return _frame(connection, REQUESTS, {"start": start, "end": end})


def read_feedback(connection: Connection, start: datetime, end: datetime) -> pd.DataFrame:
    """The predictions of a window with their feedback: `reported` and `key_name`, empty without."""
    return _frame(connection, FEEDBACK, {"start": start, "end": end})


def windows_with_feedback(
    connection: Connection, seconds: int, oldest: datetime, end: datetime, since: datetime
) -> list[int]:
    """Numbers of the windows of that length, from `oldest` to `end`, whose predictions got feedback
    after `since`."""
    values = {"seconds": seconds, "oldest": oldest, "end": end, "since": since}
    with connection, connection.cursor() as cursor:
        cursor.execute(WITH_FEEDBACK, values)
        return [row[0] for row in cursor.fetchall()]


def first_prediction(connection: Connection) -> datetime | None:
    """When the oldest prediction was made; None without any."""
    with connection, connection.cursor() as cursor:
        cursor.execute(FIRST)
        return cursor.fetchone()[0]


def _frame(connection: Connection, sql: str, values: Mapping[str, Any]) -> pd.DataFrame:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description]
        frame = pd.DataFrame(cursor.fetchall(), columns=names)
    listings = pd.DataFrame(frame.pop("listing").tolist(), index=frame.index)
    return listings.drop(columns=frame.columns, errors="ignore").join(frame)
