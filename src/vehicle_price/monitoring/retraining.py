"""The decision to retrain: plain values in, one decision out. No answer is never "no drift"."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from vehicle_price.monitoring.performance import FigureRow
from vehicle_price.monitoring.statuses import ALARMS, Status
from vehicle_price.names import PRICE_SHIFT_TOLERANCE

COOL_DOWN = timedelta(hours=24)
DAY_WINDOWS = 5
SEVERE_WINDOWS = 2  # of the last DAY_WINDOWS, the latest among them
MAX_FAILURES, MAX_REFUSALS = 3, 2


class Action(StrEnum):
    """STOP: no retraining until a person looks; page. UNKNOWN: an answer is missing; page too if a
    retraining is asked for and that lasts."""

    START = "start"
    WAIT = "wait"
    STOP = "stop"
    UNKNOWN = "unknown"


class Facts(NamedTuple):
    """What the decision rests on; None: no answer.

    drift: statuses of the last day windows, oldest first. performance: the rows of the latest
    window, without segments; the bias as `pooled_bias` gives it. newest_listing, last_day: of the
    store, of the model. last_start: of the latest retraining; None if there was none. running:
    whether one is open. failures, refusals: of retrainings since the last promotion: by the run; by
    the gate or a person.
    """

    now: datetime
    drift: Sequence[Status | None]
    performance: Sequence[FigureRow] | None
    newest_listing: date | None
    last_day: date | None
    last_start: datetime | None = None
    running: bool = False
    failures: int = 0
    refusals: int = 0
    approval_wanted: bool = False
    cool_down: timedelta = COOL_DOWN


class Decision(NamedTuple):
    """causes: what asks for a retraining, with figures. needs_approval: a person must agree."""

    action: Action
    reason: str
    causes: tuple[str, ...] = ()
    needs_approval: bool = False


def decide(facts: Facts) -> Decision:
    """Whether to retrain now, and why. The first rule that answers counts."""
    causes = _causes(facts)
    if not causes:
        missing = _missing(facts)
        if missing:
            return Decision(Action.UNKNOWN, f"no answer on {missing}")
        return Decision(Action.WAIT, "neither prices nor requests ask for a retraining")
    action, reason = _obstacle(facts) or (Action.START, "; ".join(causes))
    needs_approval = action == Action.START and facts.approval_wanted
    return Decision(action, reason, causes, needs_approval)


def pooled_bias(windows: Sequence[FigureRow]) -> FigureRow:
    """The latest bias; where it alarms, with the value and the threshold of all windows that alarm
    since the jump, weighted by their precision. windows: judged, oldest first, at least one.

    The threshold is 2.8 standard errors: the first 30 reports tell the size of a jump to 0.13, and
    the gate compares it with the listings to PRICE_SHIFT_TOLERANCE.
    """
    latest = windows[-1]
    if latest.status not in ALARMS:
        return latest
    up = latest.value > latest.expected
    run = list(
        takewhile(
            lambda row: row.status in ALARMS and (row.value > row.expected) == up,
            reversed(windows),
        )
    )
    precision = [row.threshold**-2 for row in run]
    value = sum(p * row.value for p, row in zip(precision, run, strict=True)) / sum(precision)
    return latest._replace(value=value, threshold=sum(precision) ** -0.5)


def _causes(facts: Facts) -> tuple[str, ...]:
    causes = [
        f"{row.figure} {row.value:.3f}, {row.expected:.3f} at the gate, beyond {row.threshold:.3f}"
        for row in facts.performance or ()
        if row.status in ALARMS
    ]
    severe = _severe(facts)
    if severe >= SEVERE_WINDOWS:
        causes.append(f"severe drift in {severe} of the last {DAY_WINDOWS} day windows")
    return tuple(causes)


def _severe(facts: Facts) -> int:
    """Number of the last windows with severe drift; 0 unless the latest is one of them."""
    latest = facts.drift[-DAY_WINDOWS:]
    if not latest or latest[-1] != Status.SEVERE_DRIFT:
        return 0
    return sum(status == Status.SEVERE_DRIFT for status in latest)


def _missing(facts: Facts) -> str:
    """The missing answers that might be a cause, for people."""
    missing = [] if facts.performance is not None else ["performance"]
    latest = facts.drift[-DAY_WINDOWS:]
    if not latest or latest[-1] is None:
        missing.append("drift in the latest day window")
    elif latest[-1] == Status.SEVERE_DRIFT and None in latest:
        missing.append("drift in an earlier one of the day windows")
    return " and ".join(missing)


def _obstacle(facts: Facts) -> tuple[Action, str] | None:
    """What stands against a retraining that is asked for."""
    if facts.running:
        return Action.WAIT, "a retraining is open"
    if facts.failures >= MAX_FAILURES:
        return Action.STOP, f"{facts.failures} retrainings failed; {MAX_FAILURES} stop them"
    if facts.refusals >= MAX_REFUSALS:
        return Action.STOP, f"{facts.refusals} were refused; {MAX_REFUSALS} stop them"
    if facts.last_start and facts.now - facts.last_start < facts.cool_down:
        return (
            Action.WAIT,
            f"the last one started at {facts.last_start}; {facts.cool_down} must pass",
        )
    return _without_size(facts) or _without_listings(facts)


def _without_size(facts: Facts) -> tuple[Action, str] | None:
    for row in facts.performance or ():
        known_to = row.threshold
        if row.figure == "bias" and row.status in ALARMS and known_to > PRICE_SHIFT_TOLERANCE:
            return (
                Action.WAIT,
                f"the jump of prices is known to ±{known_to:.3f} by {row.rows} reports of the "
                f"latest window; ±{PRICE_SHIFT_TOLERANCE:.3f} is needed",
            )
    return None


def _without_listings(facts: Facts) -> tuple[Action, str] | None:
    newest, known = facts.newest_listing, facts.last_day
    if newest is None or known is None:
        return Action.UNKNOWN, "no answer on the newest listing, or on the model's last day"
    if newest <= known:
        return Action.WAIT, f"the newest listing is of {newest}, the model knows all until {known}"
    return None
