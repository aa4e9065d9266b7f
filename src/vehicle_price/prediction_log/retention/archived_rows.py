"""The rows that are archived: predictions with all of theirs, and reports without a prediction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vehicle_price.prediction_log.database import Connection

# Columns with JSON are text: a listing has any columns.
PREDICTIONS = """
SELECT p.prediction_id::text, p.created_at, p.request_id, p.position, p.idempotency_key, p.role,
       p.channel, p.caller, p.listing::text AS listing, p.price, p.low, p.high,
       p.warnings::text AS warnings, p.logged_at, m.name AS model_name, p.model_version, p.run_id,
       m.data_sha256, m.code_commit, f.price AS reported_price, f.received_at AS reported_at,
       f.key_name AS reported_by, (
           SELECT json_agg(r ORDER BY r.received_at, r.key_name, r.price)::text
           FROM feedback_reports r WHERE r.prediction_id = p.prediction_id
       ) AS reports, (
           SELECT json_agg(s ORDER BY s.model_version, s.run_id)::text
           FROM shadow_predictions s WHERE s.prediction_id = p.prediction_id
       ) AS shadows
FROM predictions p JOIN models m USING (run_id, model_version) LEFT JOIN feedback f
     USING (prediction_id)
WHERE p.created_at >= %(start)s AND p.created_at < %(end)s
ORDER BY p.created_at, p.prediction_id LIMIT %(limit)s
"""
REPORTS = """
SELECT r.prediction_id::text, r.key_name, r.price, r.received_at FROM feedback_reports r
WHERE r.received_at >= %(start)s AND r.received_at < %(end)s
  AND NOT EXISTS (SELECT FROM predictions p WHERE p.prediction_id = r.prediction_id)
ORDER BY r.received_at, r.prediction_id, r.key_name, r.price LIMIT %(limit)s
"""
FIRST_PREDICTION = "SELECT min(created_at) FROM predictions WHERE created_at < %s"
FIRST_REPORT = """
SELECT min(r.received_at) FROM feedback_reports r WHERE r.received_at < %s
  AND NOT EXISTS (SELECT FROM predictions p WHERE p.prediction_id = r.prediction_id)
"""
# By their whole keys: a report or a shadow that came after the file was written stays.
DELETE_REPORTS = """
DELETE FROM feedback_reports r USING json_to_recordset(%s::json)
    AS a(prediction_id uuid, key_name text, price integer, received_at timestamptz)
WHERE r.prediction_id = a.prediction_id AND r.key_name = a.key_name AND r.price = a.price
  AND r.received_at = a.received_at
"""
DELETE_SHADOWS = """
DELETE FROM shadow_predictions s USING json_to_recordset(%s::json)
    AS a(prediction_id uuid, run_id text, model_version text)
WHERE s.prediction_id = a.prediction_id AND s.run_id = a.run_id
  AND s.model_version = a.model_version
"""
DELETE_FEEDBACK = "DELETE FROM feedback WHERE prediction_id = ANY(%s::uuid[])"
DELETE_PREDICTIONS = "DELETE FROM predictions WHERE prediction_id = ANY(%s::uuid[])"
DELETE_FEEDBACK_ON_NOTHING = """
DELETE FROM feedback f WHERE f.prediction_id = ANY(%s::uuid[])
  AND NOT EXISTS (SELECT FROM predictions p WHERE p.prediction_id = f.prediction_id)
"""
COUNT_REPORTS = """
SELECT count(*) FROM feedback_reports r WHERE r.received_at < %(before)s
  AND NOT EXISTS (
    SELECT FROM predictions p
    WHERE p.prediction_id = r.prediction_id AND p.created_at >= %(before)s
  )
"""
COUNT = """
SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*) FROM predictions
WHERE created_at < %s GROUP BY 1 ORDER BY 1
"""


def first_prediction(connection: Connection, before: datetime) -> datetime | None:
    """When the oldest prediction before that moment was made; None without any."""
    return _one(connection, FIRST_PREDICTION, before)


def first_report(connection: Connection, before: datetime) -> datetime | None:
    """When the oldest report on a prediction that is not there was received, before that moment."""
    return _one(connection, FIRST_REPORT, before)


def predictions(connection: Connection, start: datetime, end: datetime, limit: int) -> list[tuple]:
    """The oldest predictions of a time, in the order of the columns of PREDICTIONS."""
    return _rows(connection, PREDICTIONS, start, end, limit)


def reports(connection: Connection, start: datetime, end: datetime, limit: int) -> list[tuple]:
    """The oldest reports of a time on predictions that are not there."""
    return _rows(connection, REPORTS, start, end, limit)


def delete_predictions(
    connection: Connection, ids: Sequence[str], reports_json: str, shadows_json: str
) -> None:
    """Delete predictions with these reports and shadows, in one transaction."""
    with connection, connection.cursor() as cursor:
        cursor.execute(DELETE_REPORTS, (reports_json,))
        cursor.execute(DELETE_SHADOWS, (shadows_json,))
        cursor.execute(DELETE_FEEDBACK, (list(ids),))
        cursor.execute(DELETE_PREDICTIONS, (list(ids),))


def delete_reports(connection: Connection, ids: Sequence[str], reports_json: str) -> None:
    """Delete these reports on predictions that are not there, in one transaction."""
    with connection, connection.cursor() as cursor:
        cursor.execute(DELETE_REPORTS, (reports_json,))
        cursor.execute(DELETE_FEEDBACK_ON_NOTHING, (list(ids),))


def count_predictions(connection: Connection, before: datetime) -> list[tuple[str, int]]:
    """(day, number of predictions) of each day before that moment."""
    with connection, connection.cursor() as cursor:
        cursor.execute(COUNT, (before,))
        return cursor.fetchall()


def count_reports(connection: Connection, before: datetime) -> int:
    """Number of reports before that moment, but for those on predictions that stay."""
    with connection, connection.cursor() as cursor:
        cursor.execute(COUNT_REPORTS, {"before": before})
        return int(cursor.fetchone()[0])


def _one(connection: Connection, sql: str, before: datetime) -> Any:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, (before,))
        return cursor.fetchone()[0]


def _rows(
    connection: Connection, sql: str, start: datetime, end: datetime, limit: int
) -> list[tuple]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, {"start": start, "end": end, "limit": limit})
        return cursor.fetchall()
