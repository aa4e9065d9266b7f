"""Up to when the database has all predictions and feedback of every outbox.

A window of monitoring closes only when all outboxes are complete up to its end: by the clock alone,
a database that was away for a minute would leave rows out of it.
"""

from datetime import datetime
from typing import NamedTuple

from vehicle_price.prediction_log.database import Connection

REPORT = """
INSERT INTO forwarders (instance, complete_until) VALUES (%s, to_timestamp(%s))
ON CONFLICT (instance) DO UPDATE SET complete_until = EXCLUDED.complete_until, seen_at = now()
"""
FIND = "SELECT instance, complete_until FROM forwarders ORDER BY complete_until LIMIT 1"


class Completeness(NamedTuple):
    """The outbox that is least complete. instance: host and path of it."""

    instance: str
    until: datetime


def report(connection: Connection, instance: str, complete_until: float) -> None:
    """Record that all records of an outbox up to that time (UNIX seconds) are in the database.

    Raises psycopg2's errors.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(REPORT, (instance, complete_until))


def find(connection: Connection) -> Completeness | None:
    """The least complete outbox; None while no forwarder has reported. Raises psycopg2's errors."""
    with connection, connection.cursor() as cursor:
        cursor.execute(FIND)
        row = cursor.fetchone()
    return Completeness(*row) if row else None
