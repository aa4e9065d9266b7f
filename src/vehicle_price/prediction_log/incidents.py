"""Incidents and retrainings of monitoring: at most one open row for each rule and channel."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extras import Json

from vehicle_price.prediction_log.database import Connection

# `told` in details is of the messages and stays when the incident is renewed.
OPEN_INCIDENT = """
INSERT INTO incidents (rule, channel, severity, message, details) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (rule, channel) WHERE resolved_at IS NULL
DO UPDATE SET severity = EXCLUDED.severity, message = EXCLUDED.message, last_seen_at = now(),
              details = incidents.details || EXCLUDED.details
RETURNING incident_id, xmax = 0
"""
RESOLVE_INCIDENT = """
UPDATE incidents SET resolved_at = now()
WHERE rule = %s AND channel = %s AND resolved_at IS NULL RETURNING incident_id
"""
OPEN_SINCE = """
SELECT opened_at FROM incidents WHERE rule = %s AND channel = %s AND resolved_at IS NULL
"""
# Older resolved ones are of no interest to a receiver that is named, or answers, only now.
TO_TELL = """
SELECT rule, channel, severity, message, details, incident_id, opened_at, resolved_at
FROM incidents
WHERE resolved_at IS NULL
   OR (resolution_notified_at IS NULL AND resolved_at > now() - interval '7 days')
ORDER BY incident_id
"""
TELL = """
UPDATE incidents
SET details = details || jsonb_build_object('told', %(told)s::jsonb),
    notified_at = coalesce(notified_at, CASE WHEN %(opened)s THEN now() END),
    resolution_notified_at = coalesce(resolution_notified_at, CASE WHEN %(resolved)s THEN now() END)
WHERE incident_id = %(incident_id)s
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
    """Something that people should know. rule: such as drift_day. channel: of requests, or the
    name of a DAG; '' where the rule has none. severity: page, warn or info."""

    rule: str
    channel: str
    severity: str
    message: str
    details: Mapping[str, Any]


class StoredIncident(NamedTuple):
    """An incident of the table. details["told"]: receiver → what it has been told."""

    incident: Incident
    incident_id: int
    opened_at: datetime
    resolved_at: datetime | None


class Told(NamedTuple):
    """What the receivers of an incident know. told: JSON-able, by receiver. opened, resolved:
    whether all receivers know that it has opened, and has been resolved."""

    incident_id: int
    told: Mapping[str, Any]
    opened: bool
    resolved: bool


class Retraining(NamedTuple):
    """A training that monitoring has started. state: open, promoted, refused,
    rejected (by a person) or failed."""

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


def incidents_to_tell(connection: Connection) -> list[StoredIncident]:
    """The open incidents, and those resolved in the last week of which not all receivers know."""
    with connection, connection.cursor() as cursor:
        cursor.execute(TO_TELL)
        return [StoredIncident(Incident(*row[:5]), *row[5:]) for row in cursor.fetchall()]


def record_told(connection: Connection, told: Sequence[Told]) -> None:
    """Record what receivers have been told, of all incidents of a message at once."""
    with connection, connection.cursor() as cursor:
        for one in told:
            cursor.execute(TELL, one._asdict() | {"told": Json(dict(one.told))})


def open_since(connection: Connection, rule: str, channel: str) -> datetime | None:
    """When the open incident of a rule and channel was opened; None if there is none."""
    with connection, connection.cursor() as cursor:
        cursor.execute(OPEN_SINCE, (rule, channel))
        row = cursor.fetchone()
    return row[0] if row else None


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
