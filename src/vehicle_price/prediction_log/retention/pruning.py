"""Rows of monitoring that are deleted by age. What is open, or the latest, is never deleted."""

from collections.abc import Mapping
from datetime import datetime

from vehicle_price.prediction_log.database import Connection

BATCH = 5_000  # rows deleted in one transaction

# Table → which of its rows may be deleted.
OLD: Mapping[str, str] = {
    # Not those that a reference is made of.
    "monitoring_profiles": """window_start < %(before)s AND NOT EXISTS (
        SELECT FROM monitoring_references r
        WHERE r.channel = monitoring_profiles.channel
          AND r.model_version = monitoring_profiles.model_version
          AND monitoring_profiles.window_start = ANY(r.windows))""",
    "monitoring_results": "window_end < %(before)s",
    "incidents": "resolved_at < %(before)s",
    # The decision to retrain counts the latest ones.
    "retrainings": """ended_at < %(before)s AND state <> 'open' AND retraining_id NOT IN (
        SELECT retraining_id FROM retrainings ORDER BY retraining_id DESC LIMIT 50)""",
    # The latest one says what is in production.
    "production_changes": """changed_at < %(before)s
        AND change_id <> (SELECT max(change_id) FROM production_changes)""",
}


def count_old(connection: Connection, limits: Mapping[str, datetime]) -> dict[str, int]:
    """Table → number of rows that may be deleted. limits: table → the moment before which."""
    return {
        table: _count(connection, f"SELECT count(*) FROM {table} WHERE {OLD[table]}", before)
        for table, before in limits.items()
    }


def delete_old(connection: Connection, limits: Mapping[str, datetime]) -> dict[str, int]:
    """Delete those rows, BATCH of them in a transaction; table → their number."""
    return {table: _delete(connection, table, before) for table, before in limits.items()}


def _delete(connection: Connection, table: str, before: datetime) -> int:
    batch = f"SELECT ctid FROM {table} WHERE {OLD[table]} LIMIT {BATCH}"
    sql = f"""WITH gone AS (DELETE FROM {table} WHERE ctid IN ({batch}) RETURNING 1)
              SELECT count(*) FROM gone"""
    total = 0
    while deleted := _count(connection, sql, before):
        total += deleted
    return total


def _count(connection: Connection, sql: str, before: datetime) -> int:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, {"before": before})
        return int(cursor.fetchone()[0])
