"""The limits of the figures of performance, by hand-made reports."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring.feedback import (
    Feedback,
    feedback_of,
    interval_score,
    lower_bound_of_median_ape,
    median_ape,
)
from vehicle_price.monitoring.performance import (
    Baseline,
    FigureRow,
    baseline_of,
    by_segment,
    expected_error,
    judge_performance,
)
from vehicle_price.monitoring.statuses import Status

NOISE = 0.2  # SD of log(reported / price)


def reports(
    rows: int, factor: float = 1.0, noise: float = NOISE, keys: int = 20, seed: int = 1
) -> tuple[Feedback, bool]:
    """Feedback on prices of the same market, times `factor`, of five days."""
    random = np.random.default_rng(seed)
    price = np.exp(random.normal(9.5, 0.6, rows))
    reported = price * factor * np.exp(random.normal(0, noise, rows))
    key, day = np.arange(rows) % keys, np.arange(rows) % 5
    return feedback_of(price, price * 0.7, price * 1.4, reported, key, day)


def baseline() -> Baseline:
    """Of many cars of that market."""
    cars, _ = reports(20_000, seed=0)
    return baseline_of(cars.price, cars.low, cars.high, cars.reported)


def judged(feedback: tuple[Feedback, bool]) -> dict[str, FigureRow]:
    """Figure → its row."""
    return {row.figure: row for row in judge_performance(*feedback, baseline())}


def test_a_figure_beyond_its_limit_by_chance_is_no_alarm_and_says_so():
    row = judged(reports(100, noise=0.28))["median_ape"]
    assert row.status == Status.OK and row.value > row.threshold and row.beyond
    usual = judged(reports(400))
    assert not any(usual[name].beyond for name in ("bias", "coverage", "median_ape"))
    assert judged(reports(400, factor=1.25))["bias"].beyond


def test_coverage_and_median_error_alarm_only_when_they_get_worse():
    worse, better = judged(reports(400, noise=0.5)), judged(reports(400, noise=0.01))
    for name in ("coverage", "median_ape"):
        assert worse[name].status == Status.DRIFT and better[name].status == Status.OK
    assert worse["bias"].status == Status.OK


def test_the_bias_is_that_beyond_the_gates_and_five_percent_of_it_are_no_alarm():
    gate = baseline()._replace(bias=0.1)
    for beyond, status in ((0.044, Status.OK), (-0.044, Status.OK), (0.06, Status.DRIFT)):
        feedback, few = reports(2_000, np.exp(0.1 + beyond), noise=0.01)
        row = judge_performance(feedback, few, gate)[0]
        assert (row.figure, row.status) == ("bias", status)
        assert row.value == pytest.approx(0.1 + beyond, abs=0.003) and row.threshold == 0.05


@pytest.mark.parametrize(
    "rows, held, status",
    [
        (100, 81, Status.OK),  # 0.9 - 0.03 - 2.33 * 0.03 = 0.800
        (100, 74, Status.DRIFT),
        (10_000, 8_700, Status.OK),  # 0.863
        (10_000, 8_600, Status.DRIFT),
    ],
)
def test_coverage_has_three_points_and_the_sampling_error(rows, held, status):
    price = np.full(rows, 10_000.0)
    reported = np.where(np.arange(rows) < held, 10_000.0, 12_000.0)
    keys = np.arange(rows) % 20
    feedback, few = feedback_of(price, price - 1_000, price + 1_000, reported, keys, keys % 7)
    gate = Baseline(0.0, 0.5, 0.9, 0.3)
    (row,) = [r for r in judge_performance(feedback, few, gate) if r.figure == "coverage"]
    assert row.value == pytest.approx(held / rows) and row.verdict == status


def test_the_interval_score_is_the_width_and_twenty_times_what_lies_outside():
    price = np.full(100, 10_000.0)
    reported = np.where(np.arange(100) < 10, 12_500.0, 10_000.0)
    feedback, _ = feedback_of(
        price, price - 1_000, price + 2_000, reported, np.arange(100), np.arange(100)
    )
    assert interval_score(feedback) == pytest.approx(3_000 + 0.1 * 20 * 500)


def test_the_lower_bound_of_the_median_error_is_below_it_and_wider_if_days_differ():
    alike, _ = reports(500)
    differ = replace(alike, reported=alike.price * np.exp(0.05 + 0.1 * alike.day))
    bounds = []
    for feedback in (alike, differ):
        bound = lower_bound_of_median_ape(feedback, feedback.day, 300, 0.95)
        assert bound < median_ape(feedback)
        bounds.append(bound / median_ape(feedback))
    assert bounds[1] < bounds[0] - 0.1


def test_the_expected_error_grows_with_the_widths_and_is_right_at_the_gate():
    cars, _ = reports(20_000, seed=0)
    error = np.abs(cars.price - cars.reported).mean()
    assert expected_error(cars.low, cars.high, baseline()) == pytest.approx(error)
    assert expected_error(cars.low * 2, cars.high * 2, baseline()) == pytest.approx(2 * error)
    assert np.isnan(expected_error([], [], baseline()))


def test_segments_of_old_rows_without_columns_and_of_no_rows_do_not_fail():
    requests = made_up(120, 1)[["year", "price"]]
    price = requests["price"].to_numpy()
    feedback, few = feedback_of(price, price, price, price, np.arange(120), [1] * 120)
    names = {row.segment for row in by_segment(feedback, few, baseline(), requests)}
    assert "make not stated" in names
    nothing, few = feedback_of([], [], [], [], [], [])
    assert not by_segment(nothing, few, baseline(), pd.DataFrame())
