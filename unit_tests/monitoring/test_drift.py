"""Drift is found where requests change, and only there; every window gets an answer."""

from functools import cache

import pandas as pd
import pytest

from unit_tests.monitoring.requests_made_up import made_up, steady_days
from vehicle_price.monitoring.drift import DAY, WEEK, ColumnDrift, WindowDrift, judge
from vehicle_price.monitoring.profiles.columns import WATCHED
from vehicle_price.monitoring.profiles.profile import EMPTY, profile
from vehicle_price.monitoring.reference import INPUTS, OUTPUTS, Reference, make_reference
from vehicle_price.monitoring.statuses import Status


@cache
def reference() -> Reference:
    """Of 14 steady days of 700 requests."""
    return make_reference(steady_days(14, 700))


def judged(requests: pd.DataFrame, max_drift_share: float = 1.0) -> WindowDrift:
    """The requests as a day window."""
    return judge([profile(requests)], DAY, [reference()], max_drift_share)


def drifting(window: WindowDrift) -> dict[str, ColumnDrift]:
    """The columns that have drifted."""
    found = (Status.DRIFT, Status.SEVERE_DRIFT)
    return {column.column: column for column in window.columns if column.status in found}


def test_a_day_like_the_reference_is_ok_in_every_column():
    window = judged(made_up(700, 99))
    assert window.status == window.verdict == Status.OK and window.drift_share == 0
    assert [column.column for column in window.columns] == [watched.name for watched in WATCHED]


def test_kilometres_instead_of_miles_are_a_severe_drift_that_names_its_bins():
    requests = made_up(700, 99)
    window = judged(requests.assign(odometer=requests["odometer"] * 1.609))
    assert window.status == Status.SEVERE_DRIFT
    assert set(drifting(window)) == {"odometer", "odometer_per_year"}
    column = drifting(window)["odometer_per_year"]
    assert column.distance > column.threshold and column.z > 2 * window.k
    largest = column.movers[0]
    assert abs(largest.window - largest.reference) > 0.05


def test_two_columns_of_one_field_are_one_drift_and_two_fields_a_severe_one():
    requests = made_up(700, 99)
    blank = requests.assign(condition=requests["condition"].where(requests.index % 3 > 0, None))
    window = judged(blank)
    assert set(drifting(window)) == {"condition", "condition_blank"}
    assert window.status == Status.DRIFT
    both = blank.assign(manufacturer=requests["manufacturer"].where(requests.index % 5 > 0, "bmw"))
    assert judged(both).status == Status.SEVERE_DRIFT


def test_a_larger_share_of_drifting_columns_than_allowed_is_severe():
    requests = made_up(700, 99)
    blank = requests.assign(condition=requests["condition"].where(requests.index % 3 > 0, None))
    assert judged(blank, max_drift_share=0.05).status == Status.SEVERE_DRIFT


def test_the_state_is_shown_and_never_alarmed():
    window = judged(made_up(700, 99).assign(state="wa"))
    (state,) = [column for column in window.columns if column.column == "state"]
    assert state.distance > 0.5 and state.status == Status.SHOWN
    assert window.status == Status.OK


def test_few_rows_and_few_days_are_not_enough_data():
    assert judged(made_up(499, 99)).status == Status.NOT_ENOUGH_DATA
    assert judge([], DAY, [reference()], 1.0).status == Status.NOT_ENOUGH_DATA
    three = [profile(made_up(300, n)) for n in range(3)]
    assert judge([*three, EMPTY], WEEK, [reference()], 1.0).status == Status.NOT_ENOUGH_DATA
    assert judge([*three, three[0]], WEEK, [reference()], 1.0).status == Status.OK


def test_without_a_reference_a_window_is_learning():
    assert judge([profile(made_up(700, 99))], DAY, [], 1.0).status == Status.LEARNING


def test_price_and_width_are_learning_while_the_version_is_new_and_the_rest_is_judged():
    channel = make_reference(steady_days(14, 700), INPUTS)
    window = judge([profile(made_up(700, 99))], DAY, [channel], 1.0)
    learning = {c.column for c in window.columns if c.status == Status.LEARNING}
    assert learning == {watched.name for watched in OUTPUTS} == {"price", "relative_width"}
    version = make_reference(steady_days(3, 700), OUTPUTS)
    window = judge([profile(made_up(700, 99))], DAY, [channel, version], 1.0)
    assert window.status == Status.OK
    assert Status.LEARNING not in {column.status for column in window.columns}


def test_with_few_callers_the_verdict_is_kept_and_the_status_says_so():
    requests = made_up(700, 99, callers=9)
    quiet, km = judged(requests), judged(requests.assign(odometer=requests["odometer"] * 1.609))
    assert (quiet.status, quiet.verdict) == (Status.FEW_CALLERS, Status.OK)
    assert (km.status, km.verdict) == (Status.FEW_CALLERS, Status.SEVERE_DRIFT)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_one_caller_cannot_make_a_drift_by_sending_most_of_the_requests(share):
    usual, many = made_up(700, 99), int(700 * share / (1 - share))
    one = made_up(many, 98).assign(caller="one", odometer=499_000, manufacturer="bmw")
    window = judged(pd.concat([usual, one], ignore_index=True))
    assert 700 < window.effective < 800
    for column in window.columns:
        for mover in column.movers:
            assert abs(mover.window - mover.reference) < 0.16
