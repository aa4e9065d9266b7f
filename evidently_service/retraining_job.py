"""Start a retraining when prices or requests ask for it, once, and keep how it ended."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from evidently_service.incident_rules import RULES, latest_judged
from vehicle_price.airflow_client import AirflowClient, TrainingUnavailable, UnknownRun
from vehicle_price.monitoring.performance import FigureRow
from vehicle_price.monitoring.retraining import DAY_WINDOWS, Action, Decision, Facts, decide
from vehicle_price.monitoring.statuses import Status
from vehicle_price.names import MAX_PRICE_SHIFT
from vehicle_price.prediction_log import incidents
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.incidents import Incident, Retraining
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import DATA_SPAN_TAG, GATE_REASONS_TAG, GATE_TAG, STORE_TAG
from vehicle_price.storage.dataset import newest_day
from vehicle_price.storage.errors import StorageError

log = logging.getLogger(__name__)

STOPPED, UNDECIDED = "retraining_stopped", "retraining_undecided"


def follow_open(connection: Connection, airflow: AirflowClient, registry: Registry) -> bool:
    """Keep how the open retraining ended, if it has; whether one is still open.

    Raises TrainingUnavailable and RegistryError: then the retraining stays open.
    """
    latest = incidents.latest_retrainings(connection, 1)
    if not latest or latest[0].state != "open":
        return False
    opened = latest[0]
    try:
        state = airflow.status(opened.dag_run_id)["state"]
    except UnknownRun:  # recorded, and not started: this process or Airflow ended in between
        airflow.start(_conf(opened.cause), opened.dag_run_id)
        return True
    if state not in ("success", "failed"):
        return True
    ended, outcome = _outcome(registry, opened, str(state))
    incidents.end_retraining(connection, opened.retraining_id, ended, outcome)
    log.info("retraining %s: %s, %s", opened.dag_run_id, ended, outcome)
    return False


def _outcome(registry: Registry, opened: Retraining, state: str) -> tuple[str, str]:
    """State and reasons of an ended run, from the gate's verdict on its versions."""
    versions = registry.started_by(opened.dag_run_id)
    verdicts = {version.tags.get(GATE_TAG, ""): version for version in versions}
    verdict = next((name for name in ("promoted", "refused") if name in verdicts), "")
    if state == "failed" or not verdict:
        return "failed", f"the run ended as {state}; its log is in Airflow"
    version = verdicts[verdict]
    return verdict, f"version {version.version}: {version.tags.get(GATE_REASONS_TAG, '')}"


def consider(
    connection: Connection,
    airflow: AirflowClient,
    serving: ModelVersion,
    results: Sequence[Result],
    cool_down: timedelta,
) -> Decision:
    """Decide, and start a retraining if that is the decision.

    results: of all requests, and of the version that serves; oldest first.
    """
    facts = _facts(serving, results, incidents.latest_retrainings(connection))
    facts = facts._replace(cool_down=cool_down)
    decision = decide(facts)
    _tell_if_undecided(connection, decision, facts.now - cool_down)
    if decision.action == Action.STOP:
        incident = Incident(STOPPED, "", "page", f"{decision.reason}. Retrain by hand", {})
        incidents.open_incident(connection, incident)
        return decision
    incidents.resolve_incident(connection, STOPPED, "")
    if decision.action == Action.START:
        cause = {
            "causes": list(decision.causes),
            "price_shift": _price_shift(facts),
            "serving": serving.version,
        }
        _start(connection, airflow, cause)
    return decision


def _tell_if_undecided(connection: Connection, decision: Decision, page_before: datetime) -> None:
    """A retraining is asked for, and an answer is missing: a warning, and a page if that lasts.

    page_before: an incident that was opened before is a page.
    """
    if decision.action != Action.UNKNOWN or not decision.causes:
        incidents.resolve_incident(connection, UNDECIDED, "")
        return
    since = incidents.open_since(connection, UNDECIDED, "")
    severity = "page" if since and since < page_before else "warn"
    message = (
        f"{'; '.join(decision.causes)}: a retraining is asked for and cannot be decided, "
        f"{decision.reason}. Look whether the store of listings answers (DATA_ROOT), or retrain "
        "by hand"
    )
    incidents.open_incident(connection, Incident(UNDECIDED, "", severity, message, {}))


def _start(connection: Connection, airflow: AirflowClient, cause: Mapping[str, Any]) -> None:
    run_id = f"monitoring-{uuid.uuid4()}"
    if not incidents.open_retraining(connection, cause, run_id):
        return
    log.info("retraining %s starts: %s", run_id, "; ".join(cause["causes"]))
    try:
        airflow.start(_conf(cause), run_id)
    except TrainingUnavailable as error:  # `follow_open` starts it later
        log.warning("%s; the retraining starts when Airflow answers", error)


def _conf(cause: Mapping[str, Any]) -> dict[str, object]:
    """The parameters of the DAG."""
    return {"price_shift": cause["price_shift"]}


def _price_shift(facts: Facts) -> float:
    """The bias by feedback, where it is the cause; else 0."""
    for row in facts.performance or ():
        if row.figure == "bias" and row.status == Status.DRIFT:
            return float(max(-MAX_PRICE_SHIFT, min(MAX_PRICE_SHIFT, row.value)))
    return 0.0


def _facts(
    serving: ModelVersion, results: Sequence[Result], retrainings: Sequence[Retraining]
) -> Facts:
    # A promotion, by the gate or by a person, begins a new count of failures and refusals.
    states = [r.state for r in retrainings if r.cause.get("serving") == serving.version]
    last_start = retrainings[0].started_at if retrainings else None
    # A retraining answers the windows before it; the same window does not ask twice.
    unanswered = [r for r in results if last_start is None or r.window_end > last_start]
    return Facts(
        now=datetime.now(UTC),
        drift=_drift(unanswered),
        performance=_performance(unanswered),
        newest_listing=_newest_listing(serving),
        last_day=_day(serving.tags.get(DATA_SPAN_TAG, "").rpartition(" to ")[2]),
        last_start=last_start,
        running=any(retraining.state == "open" for retraining in retrainings),
        failures=states.count("failed"),
        refusals=states.count("refused"),
    )


def _drift(results: Sequence[Result]) -> list[Status | None]:
    """The worst channel of each of the last day windows, oldest first."""
    by_window: dict[datetime, list[Status]] = {}
    for result in results:
        if result.metric == "drift_day" and not result.model_version:
            by_window.setdefault(result.window_start, []).append(Status(result.status))
    order = list(Status)
    return [max(found, key=order.index) for _, found in sorted(by_window.items())][-DAY_WINDOWS:]


def _performance(results: Sequence[Result]) -> list[FigureRow] | None:
    """Each figure in its latest window that could be judged; None if there is none yet."""
    metrics = [rule.metric for rule in RULES if rule.metric.startswith("performance_")]
    latest = [result for m in metrics for result in latest_judged(results, m).values()]
    return [_figure(result) for result in latest] or None


def _figure(result: Result) -> FigureRow:
    nan = float("nan")
    return FigureRow(
        result.metric.removeprefix("performance_"),
        "",
        nan if result.value is None else result.value,
        nan if result.expected is None else result.expected,
        nan if result.threshold is None else result.threshold,
        Status(result.status),
        Status(result.details["verdict"]),
        result.rows,
        result.details["effective"],
        result.details["keys"],
    )


def _newest_listing(serving: ModelVersion) -> date | None:
    """Of the store that the serving model has learnt from; None if the store does not answer."""
    try:
        return _day(newest_day(serving.tags[STORE_TAG]))
    except (StorageError, OSError, KeyError) as error:
        log.warning("the newest listing is not known: %r", error)
        return None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
