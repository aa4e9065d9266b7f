"""The frozen reference: when it is ready, its groups, and the thresholds that follow from it."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest

from unit_tests.monitoring.requests_made_up import FIRST_DAY, made_up, steady_days
from vehicle_price.monitoring.calibration import (
    MIN_DISTANCE,
    MIN_K,
    Calibration,
    calibrate,
)
from vehicle_price.monitoring.distance import jensen_shannon
from vehicle_price.monitoring.grouping import RARE, grouping
from vehicle_price.monitoring.profiles.columns import BY_NAME, LOWEST, MISSING
from vehicle_price.monitoring.profiles.profile import EMPTY, Profile, profile
from vehicle_price.monitoring.reference import (
    INPUTS,
    OUTPUTS,
    Reference,
    first_days,
    make_reference,
    progress,
)


def of_size(rows: float) -> Profile:
    """A day with so many requests."""
    return Profile(int(rows), rows, 0.0, {"condition": {"good": rows}})


def days(count: int, rows: float, without: tuple[int, ...] = ()) -> dict[date, Profile]:
    """Consecutive days from a Sunday on; no requests on these weekdays (Monday is 0)."""
    every = [FIRST_DAY + timedelta(n) for n in range(count)]
    return {day: EMPTY if day.weekday() in without else of_size(rows) for day in every}


@cache
def steady() -> Reference:
    """Of 14 days of 500 requests of a steady market."""
    return make_reference(steady_days(14, 500))


@cache
def uneven() -> Reference:
    """Of the same days, in which half of the requests of each third day are of one make."""
    profiles = steady_days(14, 500)
    for n, day in enumerate(profiles):
        if n % 3 == 0:
            requests = made_up(500, n)
            honda = requests["manufacturer"].where(requests.index % 2 == 0, "honda")
            profiles[day] = profile(requests.assign(manufacturer=honda))
    return make_reference(profiles)


@pytest.mark.parametrize(
    "count, rows, ready, missing",
    [
        (0, 0, 0, "0 of 14 days"),
        (13, 1_000, 0, "13 of 14 days"),
        (14, 1_000, 14, ""),
        (14, 100, 0, "1,400 of 5,000 requests"),
        (60, 100, 50, ""),
    ],
)
def test_a_reference_is_the_first_days_that_are_enough(count, rows, ready, missing):
    profiles = days(count, rows)
    assert missing in progress(profiles).missing and bool(progress(profiles).missing) != bool(ready)
    assert first_days(profiles) == tuple(sorted(profiles))[:ready]


def test_two_of_each_weekday_are_needed_until_four_have_passed_without_requests():
    assert "Sunday" in progress(days(21, 1_000, without=(6,))).missing
    assert not first_days(days(21, 1_000, without=(6,)))
    assert len(first_days(days(30, 1_000, without=(6,)))) > 14
    assert "Sunday" not in progress(days(30, 1_000, without=(6,))).missing


def test_the_order_of_the_days_does_not_matter():
    profiles = days(20, 1_000)
    backwards = dict(reversed(profiles.items()))
    assert first_days(backwards) == first_days(profiles)


def test_inputs_are_of_the_channel_and_outputs_of_the_version():
    assert {w.name for w in OUTPUTS} == {"price", "relative_width"}
    profiles = steady_days(3, 100)
    assert set(make_reference(profiles, OUTPUTS).counts) == {"price", "relative_width"}
    assert not set(make_reference(profiles, INPUTS).counts) & {"price", "relative_width"}


@pytest.mark.parametrize("profiles", [{}, {FIRST_DAY: EMPTY}])
def test_a_reference_of_nothing_is_refused(profiles):
    with pytest.raises(ValueError, match="at least one day"):
        make_reference(profiles)


def test_the_reference_counts_every_day_in_every_column():
    reference = steady()
    assert reference.rows.tolist() == [500] * 14
    for name, counts in reference.counts.items():
        assert counts.sum(axis=1) == pytest.approx([500] * 14), name


def test_levels_below_one_percent_are_rare_and_so_are_new_ones():
    groups = grouping(BY_NAME["condition"], {"good": 95, "fair": 4, "new": 0.9, MISSING: 0.1})
    assert groups.names == ("fair", "good", MISSING, RARE)
    grouped = groups.grouped({"good": 1, "salvage": 2, "new": 3, MISSING: 4})
    assert grouped.tolist() == [0, 1, 4, 5]


def test_numbers_have_twenty_bins_of_nearly_equal_weight():
    counts = {f"{limit:g}": 1.0 for limit in range(0, 200_000, 2_500)} | {MISSING: 3.0}
    groups = grouping(BY_NAME["odometer"], counts)
    grouped = groups.grouped(counts)
    assert len(groups.names) == 21 and grouped[:-1].tolist() == [4] * 20 and grouped[-1] == 3
    assert groups.names[0] == "below 10,000" and groups.names[-2:] == ("from 190,000", MISSING)


def test_numbers_outside_the_reference_are_in_the_outer_bins():
    groups = grouping(BY_NAME["odometer"], {"10000": 1.0, "20000": 1.0})
    assert groups.grouped({LOWEST: 1, "500000": 2}).tolist() == [1, 2, 0]


@pytest.mark.parametrize("counts", [{MISSING: 5.0}, {"10000": 5.0}])
def test_a_column_with_one_value_has_one_group_of_numbers(counts):
    groups = grouping(BY_NAME["odometer"], counts)
    assert groups.names == ("all", MISSING) and groups.grouped(counts).sum() == 5


@pytest.mark.parametrize(
    "first, second, distance",
    [
        ([1, 1], [5, 5], 0.0),
        ([1, 0], [0, 1], 1.0),
        ([0, 0], [1, 1], 0.0),
        # H(3/4, 1/4) - H(1/2, 1/2) / 2 = 0.811278 - 0.5 bits
        ([1, 1], [2, 0], np.sqrt(0.311278)),
    ],
)
def test_the_jensen_shannon_distance_to_base_two(first, second, distance):
    first, second = np.array(first), np.array(second)
    assert jensen_shannon(first, second) == pytest.approx(distance, abs=1e-6)
    assert jensen_shannon(second, first) == pytest.approx(distance, abs=1e-6)


def test_the_calibration_is_the_same_each_time():
    assert calibrate([steady()], 700, 1).natural == calibrate([steady()], 700, 1).natural


def test_more_rows_have_smaller_distances():
    few, many = calibrate([steady()], 100, 7), calibrate([steady()], 2_000, 7)
    for name in ("odometer", "age", "manufacturer", "price"):
        assert many.natural[name].mean < few.natural[name].mean / 2


def test_days_that_differ_raise_the_threshold_of_that_column_only():
    quiet, restless = calibrate([steady()], 500, 1), calibrate([uneven()], 500, 1)
    assert restless.threshold("manufacturer") > 1.5 * quiet.threshold("manufacturer")
    assert restless.threshold("odometer") < 1.2 * quiet.threshold("odometer")


def test_several_days_even_out_what_single_days_differ():
    one, seven = calibrate([uneven()], 500, 1), calibrate([uneven()], 500, 7)
    assert seven.natural["manufacturer"].mean < one.natural["manufacturer"].mean


@pytest.mark.parametrize("reference", [steady, uneven])
@pytest.mark.parametrize("rows, window_days", [(500, 1), (3_000, 7)])
def test_k_keeps_the_alarms_of_the_references_own_windows_below_half_a_percent(
    reference, rows, window_days
):
    found = calibrate([reference()], rows, window_days)
    assert found.k >= MIN_K and found.alarms < 0.005
    assert (found.rows, found.days) == (rows, window_days)


def thresholds_in_order(found: Calibration) -> bool:
    """Whether the threshold of severe drift is above that of drift, in every column."""
    return all(
        found.severe_threshold(n) > found.threshold(n) >= MIN_DISTANCE for n in found.natural
    )


def test_every_threshold_is_a_number_also_of_columns_that_never_change():
    found = calibrate([steady()], 500, 1)
    assert set(found.natural) == set(BY_NAME) and thresholds_in_order(found)
    assert found.threshold("cylinders") == MIN_DISTANCE
    assert found.natural["cylinders"].mean == 0 and found.natural["cylinders"].sd > 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_reference_of_one_or_two_days_can_be_calibrated(count):
    found = calibrate([make_reference(steady_days(count, 600), OUTPUTS)], 500, 7)
    assert thresholds_in_order(found)
