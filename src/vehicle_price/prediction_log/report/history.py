"""What the system did: incidents, retrainings, and when production changed."""

from typing import TYPE_CHECKING, Any

from vehicle_price.prediction_log.report.period import Period
from vehicle_price.prediction_log.report.scope import Scope

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

RESOLVED, RETRAININGS, CHANGES = 50, 20, 20  # that are read at most
INCIDENT = """
SELECT rule, channel, severity, message, opened_at, last_seen_at, resolved_at,
       details->>'snapshot' AS snapshot
FROM incidents
"""
INCIDENTS = f"""
({INCIDENT} WHERE resolved_at IS NULL)
UNION ALL
({INCIDENT} WHERE resolved_at IS NOT NULL AND opened_at > %(start)s
 ORDER BY opened_at DESC LIMIT {RESOLVED})
ORDER BY opened_at DESC
"""
OF_RETRAININGS = f"""
SELECT state, cause->'causes' AS causes, cause->>'serving' AS serving,
       cause->'price_shift' AS price_shift, dag_run_id, outcome, started_at, ended_at
FROM retrainings ORDER BY retraining_id DESC LIMIT {RETRAININGS}
"""
OF_CHANGES = f"""
SELECT model_version AS version, previous_version AS previous, changed_at
FROM production_changes ORDER BY change_id DESC LIMIT {CHANGES}
"""


def read_incidents(cursor: "Cursor", period: Period) -> list[dict[str, Any]]:
    """All open incidents, and the resolved ones that were opened in or after the period, newest
    first. resolved_at: None while it is open."""
    return _dicts(cursor, INCIDENTS, period.values(Scope()))


def read_retrainings(cursor: "Cursor") -> list[dict[str, Any]]:
    """The latest retrainings that monitoring has started, newest first."""
    return _dicts(cursor, OF_RETRAININGS, {})


def read_changes(cursor: "Cursor") -> list[dict[str, Any]]:
    """The latest versions in production, the present one first."""
    return _dicts(cursor, OF_CHANGES, {})


def _dicts(cursor: "Cursor", sql: str, values: dict[str, object]) -> list[dict[str, Any]]:
    cursor.execute(sql, values)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
