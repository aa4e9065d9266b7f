"""When a retraining starts, waits, is stopped, and when nobody can know."""

from datetime import date, datetime, timedelta

import pytest

from vehicle_price.monitoring.performance import FigureRow
from vehicle_price.monitoring.retraining import Action, Facts, decide, pooled_bias
from vehicle_price.monitoring.statuses import Status

NOW = datetime(2021, 4, 20, 12)
OK, DRIFT, SEVERE = Status.OK, Status.DRIFT, Status.SEVERE_DRIFT
FEW, NOT_ENOUGH = Status.FEW_CALLERS, Status.NOT_ENOUGH_DATA


def figure(status: Status, verdict: Status | None = None) -> FigureRow:
    """The bias of a window."""
    return FigureRow("bias", "", 0.22, 0.01, 0.08, status, verdict or status, 60, 60.0, 12)


def facts(**values: object) -> Facts:
    """Quiet days, and listings that the model does not know yet."""
    quiet = Facts(NOW, [OK] * 5, [figure(OK)], date(2021, 4, 19), date(2021, 4, 10))
    return quiet._replace(**values)


WRONG_PRICES = {"performance": [figure(OK), figure(DRIFT)]}


def test_quiet_days_ask_for_nothing():
    assert decide(facts()).action == Action.WAIT


def test_wrong_prices_start_a_retraining_with_their_figures():
    decision = decide(facts(**WRONG_PRICES))
    assert decision.action == Action.START and not decision.needs_approval
    assert decision.causes == ("bias 0.220, 0.010 at the gate, beyond 0.080",)
    assert decide(facts(**WRONG_PRICES, approval_wanted=True)).needs_approval


@pytest.mark.parametrize(
    ("drift", "action"),
    [
        ([OK, OK, OK, OK, SEVERE], Action.WAIT),
        ([SEVERE, OK, OK, OK, SEVERE], Action.START),
        ([SEVERE, OK, OK, OK, OK, SEVERE], Action.WAIT),
        ([OK, OK, SEVERE, SEVERE, OK], Action.WAIT),
        ([OK, OK, OK, DRIFT, DRIFT], Action.WAIT),
        ([OK, OK, OK, FEW, FEW], Action.WAIT),
        ([SEVERE, SEVERE], Action.START),
        ([NOT_ENOUGH] * 5, Action.WAIT),
    ],
)
def test_severe_drift_counts_in_the_latest_and_one_more_of_five_windows(drift, action):
    assert decide(facts(drift=drift)).action == action


def test_a_warning_of_few_keys_starts_nothing():
    assert decide(facts(performance=[figure(FEW, DRIFT)])).action == Action.WAIT


@pytest.mark.parametrize(
    "missing",
    [
        {"performance": None},
        {"drift": []},
        {"drift": [OK, OK, OK, OK, None]},
        {"drift": [OK, None, OK, OK, SEVERE]},
        {"newest_listing": None} | WRONG_PRICES,
        {"last_day": None} | WRONG_PRICES,
    ],
)
def test_a_missing_answer_that_matters_is_unknown_and_never_no_drift(missing):
    decision = decide(facts(**missing))
    assert decision.action == Action.UNKNOWN and "no answer" in decision.reason


@pytest.mark.parametrize(
    "missing",
    [
        {"drift": [OK, None, OK, OK, OK]},
        {"performance": None, "drift": [SEVERE, OK, OK, OK, SEVERE]},
        {"drift": [SEVERE, None, None, None, SEVERE]},
    ],
)
def test_a_missing_answer_that_changes_nothing_does_not_matter(missing):
    assert decide(facts(**missing)).action in (Action.WAIT, Action.START)


@pytest.mark.parametrize(
    ("obstacle", "action", "reason"),
    [
        ({"running": True}, Action.WAIT, "open"),
        ({"last_start": NOW - timedelta(hours=23)}, Action.WAIT, "must pass"),
        ({"last_start": NOW - timedelta(hours=24)}, Action.START, "bias"),
        ({"newest_listing": date(2021, 4, 10)}, Action.WAIT, "newest listing"),
        ({"failures": 2, "refusals": 1}, Action.START, "bias"),
        ({"failures": 3}, Action.STOP, "3 retrainings failed"),
        ({"refusals": 2}, Action.STOP, "2 were refused"),
    ],
)
def test_what_stands_against_a_retraining_that_is_asked_for(obstacle, action, reason):
    decision = decide(facts(**WRONG_PRICES, **obstacle))
    assert decision.action == action and reason in decision.reason
    assert decision.causes


def bias(value: float, threshold: float, status: Status = DRIFT) -> FigureRow:
    """The bias of a window with few reports."""
    return figure(status)._replace(value=value, threshold=threshold)


def test_a_jump_is_measured_by_all_windows_that_alarm_since_it():
    pooled = pooled_bias([bias(0.01, 0.1, OK), bias(0.14, 0.12), bias(0.23, 0.12)])
    assert pooled.value == pytest.approx(0.185)
    assert pooled.threshold == pytest.approx(0.12 / 2**0.5)
    precise = pooled_bias([bias(0.1, 0.12), bias(0.2, 0.06)])
    assert precise.value == pytest.approx(0.18)
    assert pooled_bias([bias(-0.2, 0.1), bias(0.2, 0.1)]).value == pytest.approx(0.2)
    assert pooled_bias([bias(0.2, 0.1), bias(0.01, 0.1, OK)]) == bias(0.01, 0.1, OK)


def test_a_jump_that_is_not_known_well_enough_waits_for_more_reports():
    decision = decide(facts(performance=[bias(0.14, 0.12)]))
    assert decision.action == Action.WAIT and decision.causes
    assert "known to ±0.120" in decision.reason
    both = pooled_bias([bias(0.14, 0.11), bias(0.23, 0.11)])
    assert decide(facts(performance=[both])).action == Action.START


def test_a_person_is_asked_only_about_a_start():
    assert decide(facts(**WRONG_PRICES, approval_wanted=True)).needs_approval
    assert not decide(facts(**WRONG_PRICES, approval_wanted=True, failures=3)).needs_approval
    assert not decide(facts(approval_wanted=True)).needs_approval
