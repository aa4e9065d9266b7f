"""What happened in a rehearsal, as the tables of its platform tell: figures and events."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from vehicle_price.prediction_log.database import address_of, connected
from vehicle_price.settings import Settings

SECONDS = 30.0  # for an answer of the database
FIGURES = """
SELECT window_start, window_end, model_version, channel, metric, column_name, status, value,
       expected, threshold, rows
FROM monitoring_results
WHERE (metric LIKE 'performance_%%' AND role = 'production' AND column_name = '')
   OR (metric = 'drift_day' AND model_version = '')
ORDER BY window_start, metric, column_name
"""
INCIDENTS = """
SELECT opened_at, resolved_at, severity, rule, channel, message FROM incidents ORDER BY opened_at
"""
RETRAININGS = "SELECT started_at, ended_at, state, cause, outcome FROM retrainings ORDER BY 1"
CHANGES = """
SELECT changed_at, model_version, previous_version FROM production_changes ORDER BY changed_at
"""


class Figure(NamedTuple):
    """A figure of a window. column_name: '' for the whole window."""

    window_start: datetime
    window_end: datetime
    model_version: str
    channel: str
    metric: str
    column_name: str
    status: str
    value: float | None
    expected: float | None
    threshold: float | None
    rows: int


class Event(NamedTuple):
    """kind: incident, resolved, retraining, retraining_ended or promotion. key: the rule, or the
    version. text: for people."""

    at: datetime
    kind: str
    key: str
    text: str


class Timeline(NamedTuple):
    """figures and events, each in the order of time."""

    figures: list[Figure]
    events: list[Event]


def read(settings: Settings) -> Timeline:
    """Everything up to now. Raises psycopg2's errors."""
    with connected(address_of(settings), SECONDS) as connection, connection.cursor() as cursor:

        def rows(sql: str) -> Sequence[tuple]:
            cursor.execute(sql)
            return cursor.fetchall()

        figures = [Figure(*row) for row in rows(FIGURES)]
        events = [
            *_of_incidents(rows(INCIDENTS)),
            *_of_retrainings(rows(RETRAININGS)),
            *_of_changes(rows(CHANGES)),
        ]
    return Timeline(figures, sorted(events))


def _of_incidents(rows: Sequence[tuple]) -> Iterator[Event]:
    for opened, resolved, severity, rule, channel, message in rows:
        name = f"{rule} {channel}".strip()
        yield Event(opened, "incident", rule, f"incident ({severity}) {name}: {message}")
        if resolved:
            yield Event(resolved, "resolved", rule, f"resolved: {name}")


def _of_retrainings(rows: Sequence[tuple]) -> Iterator[Event]:
    for started, ended, state, cause, outcome in rows:
        causes = "; ".join(cause["causes"])
        yield Event(started, "retraining", "", f"a retraining starts: {causes}")
        if ended:
            yield Event(ended, "retraining_ended", state, f"the retraining ended: {outcome}")


def _of_changes(rows: Sequence[tuple]) -> Iterator[Event]:
    for changed, version, previous in rows:
        before = f"instead of version {previous}" if previous else "as the first one"
        yield Event(changed, "promotion", version, f"version {version} is in production {before}")
