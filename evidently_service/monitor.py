"""One step of monitoring: close what is complete, judge it, tell people, start what must start."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from evidently_service import drift_job, performance_job, retraining_job, retraining_runs
from evidently_service.incident_rules import RULES, judged
from evidently_service.skew_job import SkewJob
from evidently_service.windows import (
    DECIDING_WINDOWS,
    Window,
    closed_windows,
    numbered,
    window_at,
)
from vehicle_price.airflow_client import AirflowClient, TrainingUnavailable
from vehicle_price.monitoring.performance import Baseline
from vehicle_price.prediction_log import completeness, incidents, monitoring_store, windows
from vehicle_price.prediction_log.completeness import Completeness
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.incidents import Incident
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.prediction_log.production_changes import keep_production
from vehicle_price.registry.client import Registry, RegistryError
from vehicle_price.registry.names import PRODUCTION
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

RETRAINING = ("auto", "approve", "off")  # the values of the setting
NICE = 10  # of the process: prices go first
STALE, STALE_WINDOWS = "monitoring_stale", 2


class Monitor:
    """Monitoring of one prediction log. What it keeps in memory saves work only: a new process
    computes the performance of all windows again.

    registry: connects; raises RegistryError while MLflow is away.
    """

    def __init__(
        self, settings: Settings, airflow: AirflowClient, registry: Callable[[], Registry]
    ) -> None:
        self.settings, self.airflow, self.registry = settings, airflow, registry
        self._computed_until = datetime.fromtimestamp(0, UTC)  # feedback received before is counted
        self._not_computed: set[int] = set()  # numbers of closed windows
        self._baselines: dict[str, Baseline | None] = {}
        self._skew = SkewJob(settings)
        self._problem = ""

    def step(self, connection: Connection, now: datetime) -> list[Window]:
        """Close all windows that may close; returns them. Raises psycopg2's errors."""
        complete = completeness.find(connection)
        closed = self._close(connection, complete, now)
        self._not_computed |= {window.number for window in closed}
        latest = monitoring_store.last_closed(connection, monitoring_store.WINDOWS_CLOSED)
        try:
            registry = self.registry()
            _keep_production(connection, registry)
            if latest is not None and complete is not None:
                self._compute_performance(connection, registry, self._window_until(latest))
                self._computed_until = complete.until
                self._judge(connection, registry, self._window_until(latest))
                self._skew.step(connection, registry, latest)
            self._report("")
        except (RegistryError, TrainingUnavailable) as error:
            # Windows go on; what needs the registry, or Airflow, waits for it.
            self._report(str(error))
        return closed

    def _window_until(self, end: datetime) -> Window:
        return window_at(end - timedelta(microseconds=1), self.settings.monitoring_window_seconds)

    def _report(self, problem: str) -> None:
        """Log a problem once, and its end."""
        if problem != self._problem:
            log.warning("%s", problem or "MLflow and Airflow answer again")
        self._problem = problem

    def _close(
        self, connection: Connection, complete: Completeness | None, now: datetime
    ) -> list[Window]:
        settings = self.settings
        since = monitoring_store.last_closed(connection, monitoring_store.WINDOWS_CLOSED)
        since = since or windows.first_prediction(connection)
        self._tell_if_stale(connection, complete, since, now)
        if complete is None or since is None:
            return []
        closed = []
        seconds, grace = settings.monitoring_window_seconds, settings.monitoring_grace_seconds
        for window in closed_windows(since, complete.until, now, seconds, grace):
            drift_job.close_window(connection, settings, window)
            closed.append(window)
            log.info("closed the window from %s to %s", window.start, window.end)
        return closed

    def _tell_if_stale(
        self,
        connection: Connection,
        complete: Completeness | None,
        since: datetime | None,
        now: datetime,
    ) -> None:
        """An incident while the outbox that is least complete holds windows open for too long."""
        seconds = self.settings.monitoring_window_seconds
        patience = timedelta(
            seconds=STALE_WINDOWS * seconds + self.settings.monitoring_grace_seconds
        )
        until = complete.until if complete else since
        if until is None or now - until <= patience:
            incidents.resolve_incident(connection, STALE, "")
            return
        instance = complete.instance if complete else "no prediction-forwarder has reported"
        message = (
            f"predictions and feedback are complete until {until:%Y-%m-%d %H:%M:%S} UTC only, so "
            f"windows stay open ({instance}). `make status` shows whether prediction-forwarder "
            "runs. If that machine is gone for good, delete its row in the table forwarders"
        )
        incidents.open_incident(connection, Incident(STALE, "", "page", message, {}))

    def _compute_performance(
        self, connection: Connection, registry: Registry, latest: Window
    ) -> None:
        """Of the windows that have closed, and of those that got feedback.

        Feedback may reach the database long after it was received, while that was away: so the
        time up to which every outbox was complete counts, and not that of the last look.
        """

        def baseline(version: str) -> Baseline | None:
            if version not in self._baselines:
                self._baselines[version] = _baseline(registry.version_by_number(version).metrics)
            return self._baselines[version]

        numbers = self._not_computed | performance_job.with_feedback(
            connection, self.settings, latest, self._computed_until
        )
        for number in sorted(numbers):
            window = numbered(number, self.settings.monitoring_window_seconds)
            performance_job.compute(connection, window, baseline)
        self._not_computed.clear()

    def _judge(self, connection: Connection, registry: Registry, window: Window) -> None:
        seconds = self.settings.monitoring_window_seconds
        since = window.end - timedelta(seconds=DECIDING_WINDOWS * seconds)
        metrics = [rule.metric for rule in RULES]
        results = monitoring_store.results_since(connection, metrics, since)
        serving = registry.version(PRODUCTION)
        if serving is None:
            return
        relevant = [r for r in results if _is_relevant(r, serving.version)]
        self._update_incidents(connection, relevant)
        still_open = retraining_runs.follow_open(connection, self.airflow, registry)
        if self.settings.retraining != "off" and not still_open:
            cool_down, by_person = timedelta(seconds=seconds), self.settings.retraining == "approve"
            retraining_job.consider(
                connection, self.airflow, serving, relevant, cool_down, by_person
            )

    def _update_incidents(self, connection: Connection, results: list[Result]) -> None:
        for one in judged(results):
            if one.incident:
                if incidents.open_incident(connection, one.incident):
                    log.warning("incident %s: %s", one.rule, one.incident.message)
            elif incidents.resolve_incident(connection, one.rule, one.channel):
                log.info("resolved: incident %s %s", one.rule, one.channel)


def _keep_production(connection: Connection, registry: Registry) -> None:
    serving = registry.version(PRODUCTION)
    if serving and keep_production(connection, serving.version):
        log.info("version %s is in production", serving.version)


def _baseline(metrics: Mapping[str, float]) -> Baseline | None:
    names = ("bias", "median_ape", "interval_coverage", "error_per_width")
    found = [metrics[name] for name in names if name in metrics]
    return Baseline(*found) if len(found) == len(names) else None


def _is_relevant(result: Result, serving: str) -> bool:
    """Drift of all requests, and performance of what serves as production."""
    if not result.metric.startswith("performance_"):
        return not result.model_version
    return result.model_version == serving and result.role == "production"
