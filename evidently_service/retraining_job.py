"""Decide whether prices or requests ask for a retraining, and start it, once."""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from evidently_service import retraining_runs
from evidently_service.incident_rules import NOT_JUDGED, RULES, latest_judged
from vehicle_price.airflow_client import AirflowClient
from vehicle_price.monitoring.performance import FigureRow
from vehicle_price.monitoring.retraining import (
    DAY_WINDOWS,
    Action,
    Decision,
    Facts,
    decide,
    pooled_bias,
)
from vehicle_price.monitoring.statuses import Status
from vehicle_price.names import MAX_PRICE_SHIFT
from vehicle_price.prediction_log import incidents
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.incidents import Incident, Retraining
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.registry.client import ModelVersion
from vehicle_price.registry.names import DATA_SPAN_TAG, STORE_TAG
from vehicle_price.storage.dataset import newest_day
from vehicle_price.storage.errors import StorageError

log = logging.getLogger(__name__)

BIAS, DRIFT_METRICS = "performance_bias", ("drift_day", "drift_week")
STOPPED, UNDECIDED = "retraining_stopped", "retraining_undecided"


def consider(
    connection: Connection,
    airflow: AirflowClient,
    serving: ModelVersion,
    results: Sequence[Result],
    cool_down: timedelta,
    approval_wanted: bool,
) -> Decision:
    """Decide, and start a retraining if that is the decision.

    results: of all requests, and of the version that serves; oldest first. approval_wanted: whether
    a person must agree before it starts.
    """
    facts = _facts(serving, results, incidents.latest_retrainings(connection))
    facts = facts._replace(cool_down=cool_down, approval_wanted=approval_wanted)
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
            "needs_approval": decision.needs_approval,
        }
        retraining_runs.start(connection, airflow, cause)
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
        refusals=states.count("refused") + states.count("rejected"),
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
    """Each figure in its latest window that could be judged, the bias with those before it; None if
    there is none yet."""
    others = [rule.metric for rule in RULES if rule.metric not in DRIFT_METRICS + (BIAS,)]
    latest = [result for m in others for result in latest_judged(results, m).values()]
    biases = [_figure(r) for r in results if r.metric == BIAS and r.status not in NOT_JUDGED]
    rows = [*([pooled_bias(biases)] if biases else []), *map(_figure, latest)]
    return rows or None


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
