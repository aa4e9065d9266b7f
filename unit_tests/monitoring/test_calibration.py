"""Thresholds hold what differs between the reference's own days, and no more."""

from datetime import date, timedelta

import numpy as np
import pytest

from unit_tests.monitoring.requests_made_up import made_up, steady_days
from vehicle_price.distance import jensen_shannon
from vehicle_price.monitoring.calibration import LEAST_SD, MIN_DISTANCE, MIN_K, MIN_SD, calibrate
from vehicle_price.monitoring.profiles.clustering import NONE, design_effects, effective_rows
from vehicle_price.monitoring.profiles.profile import profile
from vehicle_price.monitoring.reference import Reference, make_reference


def reference_of(blank_shares: list[float], rows: int = 600) -> Reference:
    """Days whose share of blank conditions is given."""
    profiles = {}
    for number, share in enumerate(blank_shares):
        requests = made_up(rows, number)
        blank = np.random.default_rng(number).random(rows) < share
        condition = np.where(blank, None, "good")
        profiles[date(2021, 4, 4) + timedelta(number)] = profile(
            requests.assign(condition=condition)
        )
    return make_reference(profiles)


def test_days_that_differ_have_a_higher_threshold_than_equal_ones():
    steady, unsteady = (
        calibrate([reference_of(shares)], 600, 1) for shares in ([0.3] * 14, [0.1, 0.5] * 7)
    )
    assert unsteady.threshold("condition") > 1.5 * steady.threshold("condition")
    assert unsteady.threshold("manufacturer") < 1.2 * steady.threshold("manufacturer")


def test_a_week_of_days_that_differ_is_nearer_to_the_reference_than_a_day():
    reference = reference_of([0.1, 0.5] * 7)
    day, week = (calibrate([reference], 600, days) for days in (1, 7))
    assert week.natural["condition"].mean < 0.7 * day.natural["condition"].mean


def test_fewer_rows_have_higher_thresholds():
    reference = make_reference(steady_days(14, 2_000))
    few, many = (calibrate([reference], rows, 1) for rows in (500, 2_000))
    assert few.natural["age"].mean > 1.3 * many.natural["age"].mean


def test_neighbours_that_are_alike_raise_the_threshold_of_smaller_windows():
    def days(alike: bool) -> Reference:
        profiles = {}
        for number in range(14):
            requests = made_up(2_000, number)
            in_time = [f"2021-04-20T12:{n // 60:02}:{n % 60:02}Z" for n in range(2_000)]
            if alike:
                make = requests["manufacturer"].sort_values().to_numpy().reshape(40, 50)
                order = np.random.default_rng(number).permutation(40)
                requests = requests.assign(manufacturer=make[order].ravel())
            profiles[date(2021, 4, 4) + timedelta(number)] = profile(
                requests.assign(created_at=in_time)
            )
        return make_reference(profiles)

    alike, random = (calibrate([days(is_alike)], 500, 1) for is_alike in (True, False))
    assert alike.natural["manufacturer"].mean > 2 * random.natural["manufacturer"].mean
    assert alike.natural["age"].mean < 1.2 * random.natural["age"].mean


def test_k_is_published_and_the_references_own_windows_alarm_in_fewer_than_half_a_percent():
    calibration = calibrate([reference_of([0.3] * 13 + [0.9])], 600, 1)
    assert calibration.k >= MIN_K and calibration.alarms < 0.005
    assert calibrate([make_reference(steady_days(14, 600))], 600, 1).k == MIN_K


def test_the_same_reference_gives_the_same_thresholds():
    reference = make_reference(steady_days(14, 300))
    assert calibrate([reference], 500, 1) == calibrate([reference], 500, 1)


def test_standard_deviations_and_thresholds_have_their_least_values():
    calibration = calibrate([make_reference(steady_days(14, 3_000))], 3_000, 1)
    for column, natural in calibration.natural.items():
        assert natural.sd >= max(MIN_SD * natural.mean, LEAST_SD)
        assert calibration.threshold(column) >= MIN_DISTANCE
    assert calibration.natural["fuel_blank"] == (0.0, LEAST_SD)


@pytest.mark.parametrize(("days", "rows"), [(1, 600), (2, 5), (3, 40)])
def test_a_reference_of_very_few_days_still_answers(days, rows):
    calibration = calibrate([make_reference(steady_days(days, rows))], 500, 1)
    assert all(
        np.isfinite([*n, calibration.threshold(c)]).all() for c, n in calibration.natural.items()
    )


def test_the_distance_is_bounded_symmetric_and_zero_for_equal_shares():
    one, other = np.array([1, 2, 3]), np.array([3, 0, 9])
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one))
    assert jensen_shannon(one, 7 * one) == pytest.approx(0, abs=1e-8)
    assert jensen_shannon(np.zeros(3), one) == 0
    # p = (1, 0), q = (1/2, 1/2): divergence 0.3113 bits.
    known = jensen_shannon(np.array([1, 0]), np.array([1, 1]))
    assert known == pytest.approx(np.sqrt(0.31127812), abs=1e-6)


def test_design_effects_of_random_rows_are_about_one_and_of_pairs_about_two():
    random = np.random.default_rng(0).integers(0, 5, 20_000)
    assert np.allclose(design_effects(random, 5, np.ones(20_000))[:2], 1, atol=0.45)
    pairs = np.repeat(random[:10_000], 2)
    assert np.allclose(design_effects(pairs, 5, np.ones(20_000))[:2], 2, atol=0.7)
    assert design_effects(random[:9], 5, np.ones(9)) == NONE
    assert design_effects(np.zeros(100, int), 3, np.ones(100)) == NONE


def test_clustered_rows_count_for_fewer_and_never_for_more_than_there_are():
    assert effective_rows(500, 400, NONE) == 400
    assert effective_rows(250, 4_000, NONE) == pytest.approx(250)
    assert effective_rows(250, 4_000, (4.0,) * 4) == pytest.approx(1 / (1 / 4_000 + 4 * 0.00375))
    assert effective_rows(250, 4_000, (0.5,) * 4) == pytest.approx(250)


@pytest.mark.parametrize(("rows", "days"), [(500, 1), (3_000, 7)])
def test_severe_drift_is_beyond_drift_in_every_column(rows, days):
    found = calibrate([reference_of([0.1, 0.5] * 7)], rows, days)
    assert (found.rows, found.days) == (rows, days) and found.alarms < 0.005
    for column in found.natural:
        assert found.severe_threshold(column) > found.threshold(column) >= MIN_DISTANCE


def test_the_mean_distance_is_that_of_real_weeks_from_the_whole_reference():
    """Pseudo-windows are compared with seven of 14 days only, which is farther."""
    reference = make_reference(steady_days(14, 150))
    calibration = calibrate([reference], 1_050, 7)
    weeks = [profile(made_up(1_050, 100 + n)) for n in range(40)]
    for column in ("age", "odometer", "odometer_per_year"):
        groups = [reference.groupings[column].grouped(week.counts[column]) for week in weeks]
        measured = jensen_shannon(np.array(groups), reference.total(column)).mean()
        assert 0.9 * measured < calibration.natural[column].mean < 1.18 * measured


def test_a_spread_that_is_known_from_few_windows_only_is_taken_wider():
    few, many = (
        calibrate([reference_of([0.1, 0.5] * 7, rows)], 600, 1).natural["age"].sd
        for rows in (600, 6_000)
    )
    assert few > 1.3 * many
