"""Which results are incidents: one row of RULES for each metric that alarms."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vehicle_price.monitoring.statuses import ALARMS, Status
from vehicle_price.prediction_log.incidents import Incident
from vehicle_price.prediction_log.monitoring_store import Result

# What says neither "drift" nor "no drift": feedback on the newest windows has not come yet, so the
# latest window that could be judged decides, and without one an incident stays as it is.
NOT_JUDGED = (Status.NOT_ENOUGH_DATA, Status.LEARNING)


class Rule(NamedTuple):
    """metric: of the whole window. what: it is about, for people. action: what to do."""

    metric: str
    what: str
    action: str


RULES = (
    Rule("drift_day", "requests of a day", "Look at these columns: has a client changed, or cars?"),
    Rule("drift_week", "requests of a week", "Look at these columns: a client, or the cars?"),
    Rule("performance_bias", "reported prices against ours", "A retraining follows the market"),
    Rule("performance_coverage", "share of reports within the interval", "Look at the segments"),
    Rule("performance_median_ape", "error against reported prices", "Look at the segments"),
)


class Judged(NamedTuple):
    """What the latest window says: an incident, or None, which resolves the open one."""

    rule: str
    channel: str
    incident: Incident | None


def latest_judged(results: Sequence[Result], metric: str) -> dict[str, Result]:
    """Channel → its latest result that could be judged. results: oldest first."""
    return {
        result.channel: result
        for result in results
        if result.metric == metric and result.status not in NOT_JUDGED
    }


def judged(results: Sequence[Result]) -> Iterator[Judged]:
    """Each rule and channel with a judged window. results: oldest first, of what serves.

    A figure that is beyond its threshold, but not certainly, opens no incident and resolves none:
    the first feedback on a window would resolve what more feedback opens again.
    """
    for rule in RULES:
        for channel, result in latest_judged(results, rule.metric).items():
            if _alarmed(result):
                yield Judged(rule.metric, channel, _incident(rule, result))
            elif not result.details.get("beyond"):
                yield Judged(rule.metric, channel, None)


def _alarmed(result: Result) -> bool:
    """With few callers or keys, the verdict that they hide counts, as a warning."""
    verdict = result.details.get("verdict", result.status)
    return verdict in ALARMS


def _incident(rule: Rule, result: Result) -> Incident:
    few = result.status == Status.FEW_CALLERS
    severe = result.details.get("verdict") == Status.SEVERE_DRIFT or rule.metric.startswith("perf")
    severity = "page" if severe and not few else "warn"
    message = (
        f"{rule.what}: {_figures(result)} in the window from "
        f"{result.window_start:%Y-%m-%d %H:%M:%S} to {result.window_end:%Y-%m-%d %H:%M:%S} UTC"
        f"{f', channel {result.channel}' if result.channel else ''}"
        f"{f', version {result.model_version}' if result.model_version else ''}"
        f"{'; fewer than ten callers or keys, so one may be the cause' if few else ''}. "
        f"{rule.action}"
    )
    details = {"value": result.value, "threshold": result.threshold, "rows": result.rows}
    details["snapshot"] = result.details.get("snapshot")
    return Incident(rule.metric, result.channel, severity, message, details)


def _figures(result: Result) -> str:
    """The figure and its limit; of drift, those of the columns that moved most."""
    worst = result.details.get("worst")
    if not worst:
        at_gate = f"{result.expected or 0:.3f} at the gate"
        return f"{result.value:.3f}, {at_gate} (limit {result.threshold:.3f})"
    return ", ".join(
        f"{column['column']} {column['distance']:.3f} (limit {column['threshold']:.3f})"
        for column in worst
    )
