"""What has reached its age: the limits that the settings and monitoring itself set."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from evidently_service.windows import DECIDING_WINDOWS, LEARNING_WINDOWS
from vehicle_price.prediction_log import completeness
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.monitoring_store import WINDOWS_CLOSED, last_closed
from vehicle_price.prediction_log.retention import archived_rows, files
from vehicle_price.prediction_log.retention.period import archived_before, prediction_period
from vehicle_price.prediction_log.retention.pruning import count_old
from vehicle_price.settings import Settings

TOLD_DAYS = 8  # receivers are told for a week that an incident is resolved


class Plan(NamedTuple):
    """archive_before: midnight in UTC before which predictions are archived; None archives nothing.

    limits: table → moment before which its rows are deleted.
    """

    archive_before: datetime | None
    limits: Mapping[str, datetime]


class Work(NamedTuple):
    """What a run would do. days: (day, predictions) to archive. reports: on these, or on none.
    begun: files that a killed run has left. old: table → rows to delete."""

    days: list[tuple[str, int]]
    reports: int
    begun: int
    old: Mapping[str, int]

    @property
    def is_any(self) -> bool:
        """Whether a run would change something."""
        return bool(self.days or self.reports or self.begun or any(self.old.values()))


def make_plan(connection: Connection, settings: Settings) -> Plan:
    """The limits as of the last closed window: nothing while no window was ever closed, and nothing
    that an open window, late feedback or an outbox that is behind may still need.

    Raises psycopg2's errors.
    """
    complete, closed = completeness.find(connection), last_closed(connection, WINDOWS_CLOSED)
    if complete is None or closed is None:
        return Plan(None, {})
    period = prediction_period(settings)
    before = archived_before(closed, complete.until, period) if period else None
    return Plan(before, _limits(settings, closed))


def work_of(connection: Connection, plan: Plan) -> Work:
    """What a run with this plan would do. Raises psycopg2's errors."""
    before = plan.archive_before
    days = archived_rows.count_predictions(connection, before) if before else []
    begun = len(files.unverified(connection)) + len(files.undeleted(connection))
    reports = archived_rows.count_reports(connection, before) if before else 0
    return Work(days, reports, begun, count_old(connection, plan.limits))


def _limits(settings: Settings, closed: datetime) -> dict[str, datetime]:
    """Of the tables that are not kept for ever."""
    window = timedelta(seconds=settings.monitoring_window_seconds)
    needed_windows = max(settings.monitoring_horizon_windows, DECIDING_WINDOWS) + 1
    days_and_needed = {
        "monitoring_profiles": (settings.retention_profiles_days, LEARNING_WINDOWS * window),
        "monitoring_results": (settings.retention_results_days, needed_windows * window),
        "incidents": (settings.retention_incidents_days, timedelta(days=TOLD_DAYS)),
        "retrainings": (settings.retention_retrainings_days, timedelta(0)),
        "production_changes": (settings.retention_production_changes_days, timedelta(0)),
    }
    return {
        table: closed - max(timedelta(days=days), needed)
        for table, (days, needed) in days_and_needed.items()
        if days
    }
