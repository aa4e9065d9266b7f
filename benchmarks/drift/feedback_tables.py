"""Alarms by feedback: false ones, power, and what one hostile key does; as tables on stdout."""

import numpy as np

from benchmarks.drift import feedback
from benchmarks.drift.cars import Cars
from benchmarks.drift.tables import FALSE, POWER, beyond, row, table
from benchmarks.drift.windows import Requests

FEEDBACKS, FEEDBACK_WINDOWS = (30, 50, 100, 200, 500), 500
HOSTILE_KEYS, HOSTILE_SHIFT = 12, 0.015
HOSTILE_REPORTS, HOSTILE_FACTORS = (100, 200, 500), (3.0, 0.33, 1.3)


def print_tables(_: Requests, cars: Cars) -> list[str]:
    """Print false alarms and power by feedback; the missed bars."""
    reports = feedback.reports_of(cars)
    figures = ", ".join(f"{k} {v:.3f}" for k, v in reports.baseline._asdict().items())
    print(f"\nFeedback on a model of the first {feedback.EARLY_DAYS} days; at its gate: {figures}.")
    head = ["feedbacks", "bias, false alarms", "bias, threshold", "any figure, false alarms"]
    table("Feedback on the prices of one day", [*head, "+10 %", "+10 % in two", "+25 %"])
    missed = []
    for count in FEEDBACKS:
        quiet, threshold, any_figure, ten, two, more = _windows_of(reports, count)
        row(count, quiet, f"{threshold:.3f}", any_figure, ten, two, more)
        missed += beyond(f"+25 % in {count} feedbacks", more, POWER) if count >= 50 else []
        missed += beyond(f"+10 % in two windows of {count}", two, POWER) if count >= 200 else []
        missed += beyond(f"bias, {count} feedbacks, false", quiet, FALSE) if count >= 100 else []
    _print_expected(reports)
    return missed + _hostile(reports)


def _windows_of(reports: feedback.Reports, count: int) -> tuple[float, ...]:
    """Shares of windows: bias alarms, its mean threshold, any alarms, and with dearer cars."""
    days = [reports.days[n % len(reports.days)] for n in range(FEEDBACK_WINDOWS)]
    windows = [feedback.window(reports, day, count, seed) for seed, day in enumerate(days)]
    quiet, ten, more = (
        [feedback.judged(rows, reports.baseline, factor) for rows in windows]
        for factor in (1.0, 1.1, 1.25)
    )
    alarms = [
        np.array([feedback.alarms(one, "bias") for one in some]) for some in (quiet, ten, more)
    ]
    half = FEEDBACK_WINDOWS // 2
    return (
        float(alarms[0].mean()),
        float(np.nanmean([one["bias"].threshold for one in quiet])),
        float(np.mean([feedback.alarms(one) for one in quiet])),
        float(alarms[1].mean()),
        float((alarms[1][:half] | alarms[1][half:]).mean()),
        float(alarms[2].mean()),
    )


def _hostile(reports: feedback.Reports) -> list[str]:
    title = f"One hostile key of {HOSTILE_KEYS}"
    table(title, ["feedbacks", "reports", "bias moves by, mean", "largest", "alarms more often by"])
    missed = []
    for count in HOSTILE_REPORTS:
        for factor in HOSTILE_FACTORS:
            moved, more = _moved(reports, count, factor)
            row(count, f"× {factor:g}", f"{moved.mean():.4f}", f"{moved.max():.4f}", more)
            what = f"{title}, {count} feedbacks × {factor:g}: bias moves by up to {moved.max():.4f}"
            missed += [what] if moved.max() > HOSTILE_SHIFT else []
    return missed


def _moved(reports: feedback.Reports, count: int, factor: float) -> tuple[np.ndarray, float]:
    """By how much the attack moves each window's bias, and how many more windows alarm."""
    moved, more = [], []
    for seed in range(FEEDBACK_WINDOWS // 5):
        rows = feedback.window(reports, reports.days[seed % len(reports.days)], count, seed)
        before, after = (
            feedback.judged(feedback.attacked(rows, HOSTILE_KEYS, one), reports.baseline)
            for one in (None, factor)
        )
        moved.append(abs(after["bias"].value - before["bias"].value))
        more.append(feedback.alarms(after) - feedback.alarms(before))
    return np.array(moved), float(np.mean(more))


def _print_expected(reports: feedback.Reports) -> None:
    expected, measured = feedback.expected_beside_measured(reports)
    print(
        f"\nMean |error|: {expected:,.0f} USD expected from the widths, {measured:,.0f} measured."
    )
