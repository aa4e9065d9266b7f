"""The rule that ends a canary, as setup/model_lifecycle.md states it."""

import pytest

from service.inference.canary_stats import RoleStats
from service.model_sync.canary_rule import FeedbackErrors, rollback_reason


def stats(answers=1_000, failures=0, seconds=0.001, timed=1_000):
    """The counts of one role."""
    counts = RoleStats({"answers": answers, "failures": failures})
    for _ in range(timed):
        counts.add_latency(seconds)
    return counts


def test_a_good_canary_stays():
    assert rollback_reason(stats(), stats()) == ""
    assert rollback_reason(RoleStats(), RoleStats()) == ""
    assert (
        rollback_reason(stats(), stats(), (FeedbackErrors(100, 0.12), FeedbackErrors(100, 0.12)))
        == ""
    )


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
    ("canary", "production", "goes"),
    [
        (FeedbackErrors(30, 0.14), FeedbackErrors(30, 0.12), True),
        (FeedbackErrors(29, 0.90), FeedbackErrors(30, 0.12), False),
        (FeedbackErrors(30, 0.90), FeedbackErrors(29, 0.12), False),
        (FeedbackErrors(30, 0.13), FeedbackErrors(30, 0.12), False),
    ],
)
def test_a_canary_that_is_worse_by_later_feedback_goes(canary, production, goes):
    reason = rollback_reason(stats(), stats(), (canary, production))
    assert bool(reason) is goes and (not goes or "feedback" in reason)
