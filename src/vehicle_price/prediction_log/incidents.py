"""Incidents and retrainings of monitoring: at most one open row for each rule and channel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extras import Json

from vehicle_price.prediction_log.database import Connection

OPEN_INCIDENT = """
INSERT INTO incidents (rule, channel, severity, message, details) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (rule, channel) WHERE resolved_at IS NULL
DO UPDATE SET severity = EXCLUDED.severity, message = EXCLUDED.message, details = EXCLUDED.details,
              last_seen_at = now()
RETURNING incident_id, xmax = 0
"""
RESOLVE_INCIDENT = """
UPDATE incidents SET resolved_at = now()
WHERE rule = %s AND channel = %s AND resolved_at IS NULL RETURNING incident_id
"""
OPEN_RETRAINING = """
INSERT INTO retrainings (state, cause, dag_run_id) VALUES ('open', %s, %s)
ON CONFLICT (state) WHERE state = 'open' DO NOTHING RETURNING retraining_id
"""
END_RETRAINING = """
UPDATE retrainings SET state = %s, outcome = %s, ended_at = now()
WHERE retraining_id = %s AND state = 'open'
"""
RETRAININGS = """
SELECT retraining_id, state, cause, dag_run_id, started_at FROM retrainings
ORDER BY retraining_id DESC LIMIT %s
"""


class Incident(NamedTuple):
    """Something that people should know. rule: such as drift_day. channel: '' where the rule has
    none. severity: page, warn or info."""

    rule: str
    channel: str
    severity: str
    message: str
    details: Mapping[str, Any]


class Retraining(NamedTuple):
    """A training that monitoring has started. state: open, promoted, refused or failed."""

    retraining_id: int
    state: str
    cause: Mapping[str, Any]
    dag_run_id: str
    started_at: datetime


def open_incident(connection: Connection, incident: Incident) -> bool:
    """Open an incident, or renew the open one of its rule and channel; whether it is new."""
    values = (*incident[:-1], Json(dict(incident.details)))
    with connection, connection.cursor() as cursor:
        cursor.execute(OPEN_INCIDENT, values)
        return bool(cursor.fetchone()[1])


def resolve_incident(connection: Connection, rule: str, channel: str) -> bool:
    """Resolve the open incident of a rule and channel; whether there was one."""
    with connection, connection.cursor() as cursor:
        cursor.execute(RESOLVE_INCIDENT, (rule, channel))
        return cursor.fetchone() is not None


def open_retraining(connection: Connection, cause: Mapping[str, Any], dag_run_id: str) -> bool:
    """Record that a retraining starts; False when another one is open."""
    with connection, connection.cursor() as cursor:
        cursor.execute(OPEN_RETRAINING, (Json(dict(cause)), dag_run_id))
        return cursor.fetchone() is not None


def end_retraining(connection: Connection, retraining_id: int, state: str, outcome: str) -> None:
    """Record how a retraining ended."""
    with connection, connection.cursor() as cursor:
        cursor.execute(END_RETRAINING, (state, outcome, retraining_id))


def latest_retrainings(connection: Connection, limit: int = 50) -> list[Retraining]:
    """The latest retrainings, newest first."""
    with connection, connection.cursor() as cursor:
        cursor.execute(RETRAININGS, (limit,))
        return [Retraining(*row) for row in cursor.fetchall()]
