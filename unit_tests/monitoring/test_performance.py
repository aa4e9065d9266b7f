"""Performance by feedback: shifts are found, chance and a single key raise nothing."""

import numpy as np
import pandas as pd
import pytest

from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring import feedback as statistics
from vehicle_price.monitoring.feedback import feedback_of
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

SPREAD = 0.22  # of log(reported / price), as on the real listings


def reports(rows: int, seed: int = 0, keys: int = 40, shift: float = 0.0) -> pd.DataFrame:
    """Reported prices around the predicted ones; intervals that hold 90 %."""
    random = np.random.default_rng(seed)
    price = np.exp(random.normal(9.5, 0.6, rows))
    reported = price * np.exp(shift + SPREAD * random.normal(size=rows))
    wide = np.exp(1.645 * SPREAD)
    columns = {"price": price, "low": price / wide, "high": price * wide, "reported": reported}
    day = np.arange(rows) * 7 // max(rows, 1)
    return pd.DataFrame(columns | {"key": np.arange(rows) % keys, "day": day})


BASELINE = baseline_of(
    *(reports(20_000, 99)[name] for name in ("price", "low", "high", "reported"))
)


def judged(table: pd.DataFrame) -> dict[str, FigureRow]:
    """Every figure of the reports."""
    found, few = feedback_of(*(table[name] for name in table))
    return {row.figure: row for row in judge_performance(found, few, BASELINE)}


def violated(table: pd.DataFrame) -> set[str]:
    """The figures beyond their limits."""
    return {name for name, row in judged(table).items() if row.status == Status.DRIFT}


def test_the_baseline_is_measured_on_the_gates_cars():
    assert BASELINE.bias == pytest.approx(0, abs=0.01)
    assert BASELINE.coverage == pytest.approx(0.9, abs=0.01)
    assert BASELINE.median_ape == pytest.approx(0.15, abs=0.01)
    assert 0.1 < BASELINE.error_per_width < 0.4


def test_quiet_feedback_is_ok_and_every_figure_has_a_row():
    rows = judged(reports(500))
    assert list(rows) == [figure.name for figure in FIGURES]
    limited = {figure.name for figure in FIGURES if figure.limit}
    assert {name for name, row in rows.items() if row.status == Status.OK} == limited
    assert {row.status for name, row in rows.items() if name not in limited} == {Status.SHOWN}
    assert all(row.rows == 500 and row.keys == 40 for row in rows.values())


def test_dearer_and_cheaper_cars_are_a_bias_of_known_sign():
    assert judged(reports(200, shift=0.223))["bias"].value == pytest.approx(0.223, abs=0.06)
    assert "bias" in violated(reports(200, shift=0.223))
    assert "bias" in violated(reports(200, shift=-0.223))
    assert violated(reports(1_000, shift=0.223)) == {"bias", "coverage", "median_ape"}


def test_the_bias_at_the_gate_is_not_counted_again():
    shifted = BASELINE._replace(bias=0.2)
    found, few = feedback_of(*(reports(300, shift=0.2)[name] for name in reports(1)))
    assert judge_performance(found, few, shifted)[0].status == Status.OK


@pytest.mark.parametrize(("rows", "judged_figures"), [(29, 0), (30, 1), (99, 1), (100, 6)])
def test_few_reports_are_not_enough_data(rows, judged_figures):
    found = judged(reports(rows, keys=rows)).values()
    assert sum(row.status != Status.NOT_ENOUGH_DATA for row in found) == judged_figures


def test_without_feedback_every_figure_says_so():
    assert {row.status for row in judged(reports(0)).values()} == {Status.NOT_ENOUGH_DATA}
    unusable = reports(50).assign(reported=[None, 0, -1, np.nan, np.inf] * 10)
    assert judged(unusable)["bias"].rows == 0


def test_fewer_than_ten_keys_keep_their_verdict_as_a_warning():
    row = judged(reports(300, keys=9, shift=0.3))["bias"]
    assert (row.status, row.verdict) == (Status.FEW_CALLERS, Status.DRIFT)
    assert judged(reports(300, keys=1, shift=0.3))["bias"].status == Status.FEW_CALLERS


@pytest.mark.parametrize("factor", [0.1, 1.3, 10.0])
@pytest.mark.parametrize("copies", [1, 50])
def test_one_hostile_key_of_twelve_moves_bias_little_and_violates_nothing(factor, copies):
    """Against the eleven honest keys alone."""
    honest = reports(240, keys=12)
    hostile = honest[honest["key"] == 0].assign(reported=lambda t: t["price"] * factor)
    attacked = pd.concat([honest[honest["key"] > 0], *[hostile] * copies], ignore_index=True)
    moved = judged(attacked)["bias"].value - judged(honest[honest["key"] > 0])["bias"].value
    assert abs(moved) <= 0.015
    assert violated(attacked) == set()


def test_a_key_with_two_reports_counts_as_two_reports():
    """The mean of two would be lower: some cars are reported far too cheap."""
    random = np.random.default_rng(0)
    table = reports(4_000, keys=2_000)
    skewed = table["price"] * np.exp(-random.exponential(0.5, len(table)))
    alone = table.assign(reported=skewed, key=np.arange(len(table)))
    pairs = table.assign(reported=skewed)
    assert judged(pairs)["bias"].value == pytest.approx(judged(alone)["bias"].value, abs=1e-9)


def test_two_hostile_keys_of_twelve_can_violate_coverage_so_the_test_above_can_fail():
    honest = reports(600, keys=12)
    reported = honest["reported"].where(honest["key"] > 1, honest["price"] * 10)
    assert "coverage" in violated(honest.assign(reported=reported))


def test_coverage_alarms_below_the_gates_only():
    table = reports(600)
    assert "coverage" in violated(table.assign(low=table["price"] * 0.8, high=table["price"] * 1.2))
    assert "coverage" not in violated(table.assign(low=0.0, high=1e9))


def test_segments_are_shown_from_fifty_reports_on():
    requests = made_up(400, 1)
    table = reports(400)
    found, few = feedback_of(*(table[name] for name in table))
    rows = by_segment(found, few, BASELINE, requests)
    sizes = {row.segment: row.rows for row in rows}
    assert sizes["make ford"] == (requests["manufacturer"] == "ford").sum()
    assert {"make honda", "age 3 to 7"} < set(sizes) and min(sizes.values()) >= 50
    assert any(name.startswith("predicted price ") for name in sizes)
    assert any(name.startswith("blank columns ") for name in sizes)
    assert {row.status for row in rows} == {Status.SHOWN}
    assert {row.verdict for row in rows if row.figure == "bias"} == {Status.OK}
    moved = reports(400, shift=0.3)
    found, few = feedback_of(*(moved[name] for name in moved))
    verdicts = {
        row.verdict for row in by_segment(found, few, BASELINE, requests) if row.figure == "bias"
    }
    assert verdicts == {Status.DRIFT}
    nothing, _ = feedback_of(*(reports(0)[name] for name in table))
    assert by_segment(nothing, True, BASELINE, requests.head(0)) == []


def test_the_expected_error_follows_the_widths():
    baseline = Baseline(0.0, 0.15, 0.9, error_per_width=0.25)
    assert expected_error([8_000, 10_000], [12_000, 18_000], baseline) == 1_500
    assert np.isnan(expected_error([], [], baseline))


def test_weighted_quantiles_and_means():
    values, weights = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.0, 1.0, 97.0])
    assert statistics.quantile(values, np.ones(4), 0.5) == 2.5
    assert 3 < statistics.quantile(values, weights, 0.5) <= 4
    assert statistics.mean(values, weights) == pytest.approx(3.94)
    assert statistics.effective_number(np.ones(9)) == 9
    nothing = np.array([])
    assert np.isnan(statistics.quantile(nothing, nothing, 0.5)) and np.isnan(
        statistics.mean(values, np.zeros(4))
    )


def test_the_interval_score_is_that_of_the_gate():
    from vehicle_price.evaluation import metrics

    table = reports(300)
    found, _ = feedback_of(*(table[name] for name in table))
    expected = metrics.interval_score(table["reported"].to_numpy(), table).mean()
    assert statistics.interval_score(found) == pytest.approx(expected)
