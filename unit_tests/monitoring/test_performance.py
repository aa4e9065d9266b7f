"""Prices that clients report are judged against the gate; one key decides nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring.feedback import (
    Feedback,
    bias,
    feedback_of,
    interval_score,
    lower_bound_of_median_ape,
    median_ape,
)
from vehicle_price.monitoring.performance import (
    FIGURES,
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


def test_prices_that_hold_are_ok_in_every_figure_with_a_limit():
    rows = judged(reports(400))
    assert list(rows) == [figure.name for figure in FIGURES]
    for figure in FIGURES:
        assert rows[figure.name].status == (Status.OK if figure.limit else Status.SHOWN)
    assert rows["bias"].effective == rows["bias"].rows == 400 and rows["bias"].keys == 20


@pytest.mark.parametrize("factor", [1.25, 0.8])
def test_a_quarter_more_or_less_is_a_bias_from_fifty_reports_on(factor):
    row = judged(reports(50, factor))["bias"]
    assert row.status == Status.DRIFT
    assert row.value == pytest.approx(np.log(factor), abs=0.08)
    assert abs(row.value - row.expected) > row.threshold > 0.05


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


def test_one_hundred_reports_are_needed_for_coverage_and_thirty_for_the_bias():
    names = {figure.name for figure in FIGURES}
    for rows, enough in ((0, set()), (29, set()), (30, {"bias"}), (99, {"bias"}), (100, names)):
        found = judged(reports(rows))
        answered = {n for n, row in found.items() if row.status != Status.NOT_ENOUGH_DATA}
        assert answered == enough, rows
        assert np.isnan([found[n].value for n in names - enough]).all()


def test_with_nine_keys_the_verdict_is_kept_and_the_status_says_few_callers():
    quiet, shifted = (
        judged(reports(400, keys=9))["bias"],
        judged(reports(400, 1.25, keys=9))["bias"],
    )
    assert (quiet.status, quiet.verdict) == (Status.FEW_CALLERS, Status.OK)
    assert (shifted.status, shifted.verdict) == (Status.FEW_CALLERS, Status.DRIFT)


@pytest.mark.parametrize("many", [1, 10])
def test_a_hostile_key_of_twelve_moves_the_bias_little_and_starts_no_alarm(many):
    honest, _ = reports(600, keys=12, seed=3)
    sent = np.flatnonzero(honest.key == 0)
    rows = np.concatenate([np.flatnonzero(honest.key != 0), np.repeat(sent, many)])
    taken = honest.rows(rows)
    reported = np.where(taken.key == 0, taken.price * 10, taken.reported)
    attacked, few = feedback_of(taken.price, taken.low, taken.high, reported, taken.key, taken.day)
    assert not few and attacked.weight[attacked.key == 0].sum() <= 0.1001 * attacked.effective
    assert abs(bias(attacked) - bias(honest)) <= 0.015
    rows_of = judged((attacked, few))
    assert {rows_of[n].status for n in ("bias", "coverage", "median_ape")} == {Status.OK}


def test_rows_without_a_usable_price_or_report_are_left_out():
    price = [10_000.0, np.nan, 10_000.0, 0.0, 10_000.0]
    reported = [11_000.0, 11_000.0, -1.0, 11_000.0, None]
    feedback, few = feedback_of(price, price, price, reported, list("abcde"), [1] * 5)
    assert feedback.reported.tolist() == [11_000.0] and few


def test_the_expected_error_grows_with_the_widths_and_is_right_at_the_gate():
    cars, _ = reports(20_000, seed=0)
    error = np.abs(cars.price - cars.reported).mean()
    assert expected_error(cars.low, cars.high, baseline()) == pytest.approx(error)
    assert expected_error(cars.low * 2, cars.high * 2, baseline()) == pytest.approx(2 * error)
    assert np.isnan(expected_error([], [], baseline()))


def test_segments_are_shown_not_alarmed_and_have_fifty_rows():
    requests = made_up(400, 1)
    price = requests["price"].to_numpy()
    reported = price * np.where(requests["manufacturer"] == "bmw", 1.5, 1.0)
    feedback, few = feedback_of(
        price, requests["low"], requests["high"], reported, requests["caller"], requests["year"]
    )
    rows = by_segment(feedback, few, Baseline(0.0, 0.1, 0.9, 0.3), requests)
    assert {row.status for row in rows} == {Status.SHOWN} and min(r.rows for r in rows) >= 50
    bias_of = {row.segment: row.value for row in rows if row.figure == "bias"}
    assert bias_of["make ford"] == 0 and bias_of["predicted price 10,000 to 20,000"] < 0.1
    bmw = (requests["manufacturer"] == "bmw").sum()
    assert ("make bmw" in bias_of) == (bmw >= 50)
    assert any(name.startswith("age ") for name in bias_of)
    assert any(name.startswith("blank columns ") for name in bias_of)


def test_segments_of_old_rows_without_columns_and_of_no_rows_do_not_fail():
    requests = made_up(120, 1)[["year", "price"]]
    price = requests["price"].to_numpy()
    feedback, few = feedback_of(price, price, price, price, np.arange(120), [1] * 120)
    names = {row.segment for row in by_segment(feedback, few, baseline(), requests)}
    assert "make not stated" in names
    nothing, few = feedback_of([], [], [], [], [], [])
    assert not by_segment(nothing, few, baseline(), pd.DataFrame())
