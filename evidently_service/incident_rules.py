"""Which results are incidents: one row of RULES for each metric that alarms."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log.incidents import Incident
from vehicle_price.prediction_log.monitoring_store import Result

ALARMS = (Status.DRIFT, Status.SEVERE_DRIFT)
# A state that says neither "drift" nor "no drift" keeps an incident as it is.
KEEPS = (Status.NOT_ENOUGH_DATA, Status.LEARNING)


class Rule(NamedTuple):
    """metric: of the whole window. what: drifts, for people. action: what to do."""

    metric: str
    what: str
    action: str


RULES = (
    Rule("drift_day", "requests of a day", "look at the columns that moved: a client, or cars?"),
    Rule("drift_week", "requests of a week", "look at the columns that moved: a client, or cars?"),
    Rule("performance_bias", "prices against reported prices", "a retraining follows the market"),
    Rule("performance_coverage", "share of reports within the interval", "look at the segments"),
    Rule("performance_median_ape", "error against reported prices", "look at the segments"),
)


class Judged(NamedTuple):
    """What a result means for its incident: open it, resolve it, or keep it as it is."""

    rule: str
    channel: str
    incident: Incident | None
    resolved: bool


def judged(results: Sequence[Result]) -> Iterator[Judged]:
    """The latest result of each rule and channel. results: oldest first, of what serves."""
    for rule in RULES:
        latest = {r.channel: r for r in results if r.metric == rule.metric}
        for channel, result in latest.items():
            alarmed = _alarmed(result)
            incident = _incident(rule, result) if alarmed else None
            resolved = not alarmed and result.status not in KEEPS
            yield Judged(rule.metric, channel, incident, resolved)


def _alarmed(result: Result) -> bool:
    """With few callers or keys, the verdict that they hide counts, as a warning."""
    verdict = result.details.get("verdict", result.status)
    return verdict in ALARMS


def _incident(rule: Rule, result: Result) -> Incident:
    few = result.status == Status.FEW_CALLERS
    severe = result.details.get("verdict") == Status.SEVERE_DRIFT or rule.metric.startswith("perf")
    severity = "page" if severe and not few else "warn"
    worst = ", ".join(result.details.get("worst", ()))
    message = (
        f"{rule.what}: {result.value:.3f} (limit {result.threshold or 0:.3f}) in the window from "
        f"{result.window_start:%Y-%m-%d %H:%M:%S} to {result.window_end:%Y-%m-%d %H:%M:%S} UTC"
        f"{f', channel {result.channel}' if result.channel else ''}"
        f"{f', version {result.model_version}' if result.model_version else ''}"
        f"{f'; most moved: {worst}' if worst else ''}"
        f"{'; fewer than ten callers or keys, so one may be the cause' if few else ''}. "
        f"{rule.action[0].upper()}{rule.action[1:]}"
    )
    details = {"value": result.value, "threshold": result.threshold, "rows": result.rows}
    return Incident(rule.metric, result.channel, severity, message, details)
