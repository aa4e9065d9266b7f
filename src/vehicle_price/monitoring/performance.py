"""Whether prices are still right, where clients have reported prices.

To add a figure, add one entry to FIGURES.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
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


@dataclass(frozen=True)
class Limit:
    """When a figure is wrong. threshold: from the feedback and the figures at the gate.

    tested: what is compared with it. beyond: (tested, threshold, baseline) → whether it is wrong.
    """

    threshold: Callable[[Feedback, Baseline], float]
    tested: Callable[[Feedback], float]
    beyond: Callable[[float, float, Baseline], bool]


@dataclass(frozen=True)
class Figure:
    """A figure of performance. min_rows: effective rows. expected: at the gate.

    Without `limit` it is shown only.
    """

    name: str
    min_rows: int
    value: Callable[[Feedback], float]
    expected: Callable[[Baseline], float] = lambda _: math.nan
    limit: Limit | None = None


class FigureRow(NamedTuple):
    """A figure of a window or segment. expected: at the gate, NaN if there is none. status:
    FEW_CALLERS hides the verdict, which is then a warning. beyond: whether the value is beyond the
    threshold, which for an alarm must be certain."""

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
    beyond: bool = False


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


def bias_threshold(feedback: Feedback, _: Baseline) -> float:
    """Of the difference to the bias at the gate, on both sides."""
    return max(MIN_BIAS, SE_FACTOR * math.hypot(statistics.bias_error(feedback), DAY_SD))


def coverage_threshold(feedback: Feedback, baseline: Baseline) -> float:
    """Coverage at the gate, less a margin and the sampling error."""
    count = max(statistics.effective_number(feedback.weight), 1.0)
    error = math.sqrt(baseline.coverage * (1 - baseline.coverage) / count)
    return baseline.coverage - COVERAGE_MARGIN - COVERAGE_SE * error


def certain_median_ape(feedback: Feedback) -> float:
    """The lower bound of the median APE: days are drawn, or keys if there are few days."""
    days = len(np.unique(feedback.day))
    cluster = feedback.day if days >= MIN_CLUSTER_DAYS else feedback.key
    return statistics.lower_bound_of_median_ape(feedback, cluster, DRAWS, CONFIDENCE)


BIAS = Limit(bias_threshold, statistics.bias, lambda bias, t, at_gate: abs(bias - at_gate.bias) > t)
COVERAGE = Limit(coverage_threshold, statistics.coverage, lambda coverage, t, _: coverage < t)
MEDIAN_APE = Limit(
    lambda _, at_gate: MAX_APE_RATIO * at_gate.median_ape,
    certain_median_ape,
    lambda bound, t, _: bound > t,
)

FIGURES: tuple[Figure, ...] = (
    Figure("bias", 30, statistics.bias, lambda b: b.bias, BIAS),
    Figure("coverage", 100, statistics.coverage, lambda b: b.coverage, COVERAGE),
    Figure("median_ape", 100, statistics.median_ape, lambda b: b.median_ape, MEDIAN_APE),
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
    """Every figure of each segment with MIN_SEGMENT_ROWS rows; shown, not alarmed. The verdict says
    whether it is beyond the limit, which with many segments one may be by chance.

    requests: raw listing columns and created_at of the feedback's rows, in their order.
    """
    found = segments(listings(requests), feedback.price) if len(requests) else {}
    return [
        row._replace(status=Status.SHOWN)
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
    size = (len(feedback.price), feedback.effective, feedback.keys)
    expected, threshold = figure.expected(baseline), math.nan
    if feedback.effective < figure.min_rows:
        few = Status.NOT_ENOUGH_DATA
        return FigureRow(figure.name, segment, math.nan, expected, threshold, few, few, *size)
    verdict, value, beyond = Status.SHOWN, figure.value(feedback), False
    if figure.limit:
        threshold = figure.limit.threshold(feedback, baseline)
        verdict = _verdict(figure.limit, threshold, feedback, few_keys, baseline)
        beyond = bool(figure.limit.beyond(value, threshold, baseline))
    status = Status.FEW_CALLERS if few_keys and figure.limit else verdict
    return FigureRow(
        figure.name, segment, value, expected, threshold, status, verdict, *size, beyond
    )


def _verdict(
    limit: Limit, threshold: float, feedback: Feedback, few_keys: bool, baseline: Baseline
) -> Status:
    """A figure is wrong if it is beyond its threshold also without any single key."""
    samples = [feedback] if few_keys else chain([feedback], without_one_key(feedback))
    beyond = all(limit.beyond(limit.tested(some), threshold, baseline) for some in samples)
    return Status.DRIFT if beyond else Status.OK
