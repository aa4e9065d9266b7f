"""Profiles, references and results of monitoring: one row for each key, however often written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extras import Json, execute_values

from vehicle_price.prediction_log.database import Connection

WINDOWS_CLOSED = "windows_closed"  # the metric that is written when all others of a window are
PROFILE = """
INSERT INTO monitoring_profiles (channel, model_version, window_start, profile)
VALUES (%s, %s, %s, %s)
ON CONFLICT (channel, model_version, window_start) DO UPDATE SET profile = EXCLUDED.profile
"""
PROFILES = """
SELECT window_start, profile FROM monitoring_profiles
WHERE channel = %s AND model_version = %s AND window_start >= %s ORDER BY window_start
"""
ONE_PROFILE = """
SELECT profile FROM monitoring_profiles
WHERE channel = %s AND model_version = %s AND window_start = %s
"""
REFERENCE = "SELECT windows FROM monitoring_references WHERE channel = %s AND model_version = %s"
FREEZE = """
INSERT INTO monitoring_references (channel, model_version, windows) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""
RESULTS = """
INSERT INTO monitoring_results (window_start, window_end, model_version, role, channel, metric,
                                column_name, status, value, expected, threshold, rows, details)
VALUES %s
ON CONFLICT (window_start, window_end, model_version, role, channel, metric, column_name)
DO UPDATE SET status = EXCLUDED.status, value = EXCLUDED.value, expected = EXCLUDED.expected,
              threshold = EXCLUDED.threshold, rows = EXCLUDED.rows, details = EXCLUDED.details,
              as_of = now()
"""
WITHOUT = """
SELECT had.window_start FROM monitoring_results had
WHERE had.metric = %(having)s AND had.column_name = '' AND had.window_end > %(since)s
  AND NOT EXISTS (
    SELECT FROM monitoring_results lacked
    WHERE lacked.metric = %(lacking)s AND lacked.column_name = ''
      AND lacked.window_start = had.window_start AND lacked.window_end = had.window_end
  )
ORDER BY had.window_start
"""
LAST_CLOSED = "SELECT max(window_end) FROM monitoring_results WHERE metric = %s"
SELECT_RESULTS = """
SELECT window_start, window_end, model_version, role, channel, metric, column_name, status, value,
       expected, threshold, rows, details
FROM monitoring_results
"""
LATEST = f"""{SELECT_RESULTS}
WHERE metric = ANY(%s) AND column_name = '' AND window_end > %s ORDER BY window_end, channel
"""
OF_COLUMNS = f"""{SELECT_RESULTS}
WHERE channel = %s AND metric = %s AND window_start = %s AND column_name <> ''
ORDER BY column_name, rows DESC
"""


class Result(NamedTuple):
    """A figure of a window, with its key first. column_name: of drift, or the segment of a figure
    of performance; '' for the whole window. details: JSON-able."""

    window_start: datetime
    window_end: datetime
    model_version: str
    role: str
    channel: str
    metric: str
    column_name: str
    status: str
    value: float | None
    expected: float | None
    threshold: float | None
    rows: int
    details: Mapping[str, Any]


def put_profile(
    connection: Connection, channel: str, version: str, start: datetime, profile: Mapping[str, Any]
) -> None:
    """Store the profile of a window; version: '' for the requests of all versions."""
    with connection, connection.cursor() as cursor:
        cursor.execute(PROFILE, (channel, version, start, Json(dict(profile))))


def profiles_since(
    connection: Connection, channel: str, version: str, since: datetime
) -> dict[datetime, dict]:
    """Start of each window → its profile, in order."""
    with connection, connection.cursor() as cursor:
        cursor.execute(PROFILES, (channel, version, since))
        return dict(cursor.fetchall())


def profile_of(
    connection: Connection, channel: str, version: str, start: datetime
) -> dict[str, Any] | None:
    """The profile of a window; None if there is none."""
    with connection, connection.cursor() as cursor:
        cursor.execute(ONE_PROFILE, (channel, version, start))
        row = cursor.fetchone()
    return row[0] if row else None


def reference_windows(connection: Connection, channel: str, version: str) -> list[datetime]:
    """The starts of the windows that are the frozen reference; none while it is being learnt."""
    with connection, connection.cursor() as cursor:
        cursor.execute(REFERENCE, (channel, version))
        row = cursor.fetchone()
    return list(row[0]) if row else []


def freeze_reference(
    connection: Connection, channel: str, version: str, windows: Sequence[datetime]
) -> None:
    """Freeze these windows as the reference, unless there is one."""
    with connection, connection.cursor() as cursor:
        cursor.execute(FREEZE, (channel, version, list(windows)))


def put_results(connection: Connection, results: Sequence[Result]) -> None:
    """Write results; a repeated or recomputed one replaces the row of its key."""
    if not results:
        return
    with connection, connection.cursor() as cursor:
        rows = [(*result[:-1], Json(dict(result.details))) for result in results]
        execute_values(cursor, RESULTS, rows, page_size=500)


def last_closed(connection: Connection, metric: str) -> datetime | None:
    """The end of the last window with this metric; None before the first."""
    with connection, connection.cursor() as cursor:
        cursor.execute(LAST_CLOSED, (metric,))
        return cursor.fetchone()[0]


def windows_without(
    connection: Connection, having: str, lacking: str, since: datetime
) -> list[datetime]:
    """The starts of the windows that ended after `since` with a row of the metric `having` for the
    whole window and none of `lacking`, oldest first."""
    with connection, connection.cursor() as cursor:
        cursor.execute(WITHOUT, {"having": having, "lacking": lacking, "since": since})
        return [start for (start,) in cursor.fetchall()]


def results_since(connection: Connection, metrics: Sequence[str], since: datetime) -> list[Result]:
    """The results of whole windows that ended after `since`, oldest first."""
    with connection, connection.cursor() as cursor:
        cursor.execute(LATEST, (list(metrics), since))
        return [Result(*row) for row in cursor.fetchall()]


def column_results(
    connection: Connection, channel: str, metric: str, start: datetime
) -> list[Result]:
    """The results of a window's columns, by name; of several versions the most asked one first."""
    with connection, connection.cursor() as cursor:
        cursor.execute(OF_COLUMNS, (channel, metric, start))
        return [Result(*row) for row in cursor.fetchall()]
