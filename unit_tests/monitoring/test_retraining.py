"""When retraining starts by itself, waits, or stops and pages; no answer is never "no drift"."""

from datetime import date, datetime, timedelta

import pytest

from vehicle_price.monitoring.performance import FigureRow
from vehicle_price.monitoring.retraining import Action, Facts, decide
from vehicle_price.monitoring.statuses import Status

NOW = datetime(2021, 4, 25, 1, 0)
OK, SEVERE, DRIFT = Status.OK, Status.SEVERE_DRIFT, Status.DRIFT


def figure(status: Status, name: str = "bias") -> FigureRow:
    """A row of the latest performance."""
    return FigureRow(name, "", 0.22, 0.0, 0.08, status, DRIFT, 200, 200.0, 20)


QUIET = Facts(
    now=NOW,
    drift=[OK] * 5,
    performance=[figure(OK)],
    newest_listing=date(2021, 4, 24),
    last_day=date(2021, 4, 20),
)
VIOLATED = QUIET._replace(performance=[figure(DRIFT), figure(OK, "coverage")])


def test_without_a_cause_nothing_starts():
    assert decide(QUIET).action == Action.WAIT and decide(QUIET).causes == ()


def test_a_violation_of_performance_starts_one_and_says_why():
    decision = decide(VIOLATED)
    assert decision.action == Action.START and not decision.needs_approval
    assert decision.causes == ("bias 0.220, 0.000 at the gate, beyond 0.080",)


@pytest.mark.parametrize(
    "drift, action",
    [
        ([OK, SEVERE, OK, OK, SEVERE], Action.START),
        ([SEVERE, OK, OK, OK, SEVERE], Action.START),
        ([SEVERE, OK, OK, OK, OK, SEVERE], Action.WAIT),  # the other one is six windows old
        ([OK, OK, OK, OK, SEVERE], Action.WAIT),
        ([SEVERE, SEVERE, SEVERE, SEVERE, OK], Action.WAIT),
        ([DRIFT] * 5, Action.WAIT),
        ([Status.FEW_CALLERS] * 5, Action.WAIT),
        ([Status.NOT_ENOUGH_DATA, SEVERE, SEVERE], Action.START),
    ],
)
def test_severe_drift_starts_one_in_the_latest_and_one_more_of_five_windows(drift, action):
    assert decide(QUIET._replace(drift=drift)).action == action


@pytest.mark.parametrize(
    "change, missing",
    [
        ({"performance": None}, "performance"),
        ({"drift": []}, "latest day window"),
        ({"drift": [OK, OK, None]}, "latest day window"),
        ({"drift": [None, OK, SEVERE]}, "earlier one"),
    ],
)
def test_no_answer_is_unknown_and_names_what_is_missing(change, missing):
    decision = decide(QUIET._replace(**change))
    assert decision.action == Action.UNKNOWN and missing in decision.reason


def test_a_missing_answer_does_not_hide_a_cause():
    assert decide(VIOLATED._replace(drift=[])).action == Action.START


@pytest.mark.parametrize("status", [Status.FEW_CALLERS, Status.NOT_ENOUGH_DATA, Status.SHOWN])
def test_only_a_verdict_of_enough_callers_starts_one(status):
    assert decide(QUIET._replace(performance=[figure(status)])).action == Action.WAIT


@pytest.mark.parametrize(
    "change, action",
    [
        ({"running": True}, Action.WAIT),
        ({"newest_listing": date(2021, 4, 20)}, Action.WAIT),
        ({"newest_listing": None}, Action.UNKNOWN),
        ({"last_day": None}, Action.UNKNOWN),
        ({"last_start": NOW - timedelta(hours=23)}, Action.WAIT),
        ({"last_start": NOW - timedelta(hours=24)}, Action.START),
        ({"failures": 2, "refusals": 1}, Action.START),
        ({"failures": 3}, Action.STOP),
        ({"refusals": 2}, Action.STOP),
        ({"refusals": 2, "newest_listing": None}, Action.STOP),
    ],
)
def test_what_stands_against_a_retraining(change, action):
    decision = decide(VIOLATED._replace(**change))
    assert decision.action == action and decision.reason and decision.causes


def test_a_person_is_asked_only_about_a_start():
    assert decide(VIOLATED._replace(approval_wanted=True)).needs_approval
    assert not decide(VIOLATED._replace(approval_wanted=True, failures=3)).needs_approval
    assert not decide(QUIET._replace(approval_wanted=True)).needs_approval
