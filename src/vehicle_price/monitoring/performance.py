"""Whether prices are still right, where clients have reported prices.

To add a figure, add one entry to FIGURES.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.evaluation.segments import segments
from vehicle_price.monitoring import feedback as statistics
from vehicle_price.monitoring.feedback import Feedback, without_one_key
from vehicle_price.monitoring.profiles.values import listings
from vehicle_price.monitoring.statuses import Status

MIN_BIAS, SE_FACTOR, DAY_SD = 0.05, 2.8, 0.015  # DAY_SD: the natural difference of days
COVERAGE_MARGIN, COVERAGE_SE = 0.03, 2.33
MAX_APE_RATIO, DRAWS, CONFIDENCE = 1.25, 300, 0.95
MIN_CLUSTER_DAYS = 4  # with fewer days, the bootstrap draws keys
MIN_SEGMENT_ROWS = 50


class Baseline(NamedTuple):
    """A version's figures on the gate's later cars. error_per_width: mean |error| / mean width."""

    bias: float
    median_ape: float
    coverage: float
    error_per_width: float


class Limit(NamedTuple):
    """The threshold of a figure, and whether the figure is beyond it."""

    threshold: float
    beyond: bool


@dataclass(frozen=True)
class Figure:
    """A figure of performance. min_rows: effective. limit: None if it is shown only."""

    name: str
    min_rows: int
    value: Callable[[Feedback], float]
    limit: Callable[[Feedback, Baseline], Limit] | None = None
    expected: Callable[[Baseline], float] | None = None


class FigureRow(NamedTuple):
    """A figure of a window or segment. expected: at the gate, NaN if there is none. status:
    FEW_CALLERS hides the verdict, which is then a warning."""

    figure: str
    segment: str
    value: float
    expected: float
    threshold: float
    status: Status
    verdict: Status
    rows: int
    effective: float
    keys: int


def baseline_of(price: object, low: object, high: object, actual: object) -> Baseline:
    """The figures of prices of later cars, each (rows,), US dollars."""
    prices = [np.asarray(values, float) for values in (price, low, high, actual)]
    rows = np.arange(len(prices[0]))
    cars = Feedback(*prices, rows, rows * 0, np.ones(len(rows)))
    return Baseline(
        statistics.bias(cars),
        statistics.median_ape(cars),
        statistics.coverage(cars),
        statistics.absolute_error(cars) / statistics.width(cars),
    )


def bias_limit(feedback: Feedback, baseline: Baseline) -> Limit:
    """Signed bias against that at the gate, on both sides."""
    noise = SE_FACTOR * float(np.hypot(statistics.bias_error(feedback), DAY_SD))
    threshold = max(MIN_BIAS, noise)
    return Limit(threshold, abs(statistics.bias(feedback) - baseline.bias) > threshold)


def coverage_limit(feedback: Feedback, baseline: Baseline) -> Limit:
    """Coverage below that at the gate, by more than a margin and the sampling error."""
    count = max(statistics.effective_number(feedback.weight), 1.0)
    error = float(np.sqrt(baseline.coverage * (1 - baseline.coverage) / count))
    threshold = baseline.coverage - COVERAGE_MARGIN - COVERAGE_SE * error
    return Limit(threshold, statistics.coverage(feedback) < threshold)


def ape_limit(feedback: Feedback, baseline: Baseline) -> Limit:
    """Median APE certainly above MAX_APE_RATIO times that at the gate."""
    days = len(np.unique(feedback.day))
    cluster = feedback.day if days >= MIN_CLUSTER_DAYS else feedback.key
    bound = statistics.lower_bound_of_median_ape(feedback, cluster, DRAWS, CONFIDENCE)
    threshold = MAX_APE_RATIO * baseline.median_ape
    return Limit(threshold, bound > threshold)


FIGURES: tuple[Figure, ...] = (
    Figure("bias", 30, statistics.bias, bias_limit, lambda b: b.bias),
    Figure("coverage", 100, statistics.coverage, coverage_limit, lambda b: b.coverage),
    Figure("median_ape", 100, statistics.median_ape, ape_limit, lambda b: b.median_ape),
    Figure("mean_absolute_error", 100, statistics.absolute_error),
    Figure("interval_width", 100, statistics.width),
    Figure("interval_score", 100, statistics.interval_score),
)


def judge_performance(
    feedback: Feedback, few_keys: bool, baseline: Baseline, segment: str = ""
) -> list[FigureRow]:
    """Every figure of a window. feedback, few_keys: as `feedback_of` gives them."""
    return [_row(figure, feedback, few_keys, baseline, segment) for figure in FIGURES]


def by_segment(
    feedback: Feedback, few_keys: bool, baseline: Baseline, requests: pd.DataFrame
) -> list[FigureRow]:
    """Every figure of each segment with MIN_SEGMENT_ROWS rows; shown, not alarmed.

    requests: raw listing columns and created_at of the feedback's rows, in their order.
    """
    found = segments(listings(requests), feedback.price) if len(requests) else {}
    return [
        row._replace(status=Status.SHOWN, verdict=Status.SHOWN)
        for name, members in found.items()
        if members.sum() >= MIN_SEGMENT_ROWS
        for row in judge_performance(feedback.rows(members), few_keys, baseline, name)
        if row.status != Status.NOT_ENOUGH_DATA
    ]


def expected_error(low: object, high: object, baseline: Baseline) -> float:
    """Mean |error| in US dollars of predictions, each (rows,), if prices hold; NaN without any."""
    widths = np.asarray(high, float) - np.asarray(low, float)
    return baseline.error_per_width * float(widths.mean()) if widths.size else float("nan")


def _row(
    figure: Figure, feedback: Feedback, few_keys: bool, baseline: Baseline, segment: str
) -> FigureRow:
    expected = figure.expected(baseline) if figure.expected else float("nan")
    size = (len(feedback.price), feedback.effective, feedback.keys)
    if feedback.effective < figure.min_rows:
        few = Status.NOT_ENOUGH_DATA
        nan = float("nan")
        return FigureRow(figure.name, segment, nan, expected, nan, few, few, *size)
    threshold, verdict = float("nan"), Status.SHOWN
    if figure.limit:
        threshold, verdict = _judged(figure.limit, feedback, few_keys, baseline)
    status = Status.FEW_CALLERS if few_keys else verdict
    value = figure.value(feedback)
    return FigureRow(figure.name, segment, value, expected, threshold, status, verdict, *size)


def _judged(
    limit: Callable[[Feedback, Baseline], Limit],
    feedback: Feedback,
    few_keys: bool,
    baseline: Baseline,
) -> tuple[float, Status]:
    """A figure has drifted if it is beyond its limit also without any single key."""
    threshold, beyond = limit(feedback, baseline)
    if beyond and not few_keys:
        beyond = all(limit(others, baseline).beyond for others in without_one_key(feedback))
    return threshold, Status.DRIFT if beyond else Status.OK
