"""The rule that ends a canary, as setup/model_lifecycle.md states it."""

import numpy as np
import pytest

from service.inference.canary_stats import RoleStats
from service.model_sync.canary_rule import rollback_reason
from vehicle_price.prediction_log.rows import CanaryFeedback


def stats(answers=1_000, failures=0, seconds=0.001, timed=1_000):
    """The counts of one role."""
    counts = RoleStats({"answers": answers, "failures": failures})
    for _ in range(timed):
        counts.add_latency(seconds)
    return counts


def test_a_good_canary_stays():
    assert rollback_reason(stats(), stats()) == ""
    assert rollback_reason(RoleStats(), RoleStats()) == ""
    assert rollback_reason(stats(), stats(), CanaryFeedback(9_000, 500, 250, 255, 245)) == ""


@pytest.mark.parametrize(
    ("answers", "failures", "goes"),
    [(3, 3, True), (2, 2, False), (299, 3, True), (300, 3, False), (10_000, 101, True)],
)
def test_three_failures_and_more_than_one_percent_end_it(answers, failures, goes):
    reason = rollback_reason(stats(answers, failures), stats())
    assert bool(reason) is goes and (not goes or "failed" in reason)


@pytest.mark.parametrize(
    ("canary", "production", "timed", "goes"),
    [
        (0.010, 0.001, 200, True),
        (0.010, 0.001, 199, False),
        (0.0009, 0.0001, 1_000, False),  # nobody notices a millisecond
        (0.010, 0.009, 1_000, False),
    ],
)
def test_a_canary_that_is_slower_goes(canary, production, timed, goes):
    reason = rollback_reason(stats(seconds=canary, timed=timed), stats(seconds=production))
    assert bool(reason) is goes and (not goes or "p95" in reason)


@pytest.mark.parametrize(
    ("feedback", "goes"),
    [
        (CanaryFeedback(200, 60, 52, 30, 30), True),  # larger errors
        (CanaryFeedback(200, 60, 30, 55, 5), True),  # too high
        (CanaryFeedback(200, 60, 30, 5, 55), True),  # too low
        (CanaryFeedback(199, 60, 52, 55, 5), False),  # production's median is not known yet
        (CanaryFeedback(200, 5, 5, 5, 0), False),  # five reports say nothing
        (CanaryFeedback(200, 60, 33, 33, 27), False),
        (CanaryFeedback(200, 60, 0, 0, 0), False),  # all equal to the median
        (CanaryFeedback(0, 0, 0, 0, 0), False),
    ],
)
def test_a_canary_that_is_worse_by_feedback_goes(feedback, goes):
    reason = rollback_reason(stats(), stats(), feedback)
    assert bool(reason) is goes and (not goes or "evidence" in reason)


def test_a_canary_like_production_is_ended_in_one_of_a_hundred_however_often_one_looks():
    random = np.random.default_rng(1)
    nothing, ended = stats(), 0
    for _ in range(400):
        # Plain integers: NumPy's make the rule ten times slower.
        higher, larger = np.cumsum(random.random((2, 2_000)) < 0.5, axis=1).tolist()
        reports = (
            CanaryFeedback(9_000, n, larger[n], higher[n], n - higher[n])
            for n in range(0, 2_000, 40)
        )
        ended += any(rollback_reason(nothing, nothing, feedback) for feedback in reports)
    assert ended <= 4
