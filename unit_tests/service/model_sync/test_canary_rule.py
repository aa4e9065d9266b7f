"""The rule that ends a canary, as setup/model_lifecycle.md states it."""

from unittest.mock import patch

import numpy as np
import pytest

from benchmarks.harness.canary_simulation import Keys, ended_after
from service.inference.canary_stats import RoleStats
from service.model_sync.canary_rule import rollback_reason
from vehicle_price.monitoring.canary import CanaryFeedback, Reports, canary_feedback


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


def test_a_key_that_carries_the_evidence_alone_does_not_end_a_canary():
    worse, without_it = CanaryFeedback(400, 60, 52, 55, 5), CanaryFeedback(300, 20, 10, 10, 10)
    assert rollback_reason(stats(), stats(), worse._replace(keys=1))
    assert not rollback_reason(stats(), stats(), worse._replace(keys=2, without=(without_it,)))
    too_few = CanaryFeedback(199, 60, 52, 55, 5)  # production's median is not known without it
    assert not rollback_reason(stats(), stats(), worse._replace(keys=2, without=(too_few,)))
    all_agree = worse._replace(keys=12, without=(worse, CanaryFeedback(300, 50, 44, 46, 4)))
    assert "keys: 12" in rollback_reason(stats(), stats(), all_agree)


def test_any_number_of_reports_can_be_judged():
    assert rollback_reason(stats(), stats(), CanaryFeedback(9_000, 50_000, 50_000, 50_000, 0))
    assert not rollback_reason(stats(), stats(), CanaryFeedback(9_000, 50_000, 0, 25_000, 25_000))


# Ratios of price to asked price as those of a model: most within 15 %, and some far off.
RATIOS = np.exp(0.15 * np.random.default_rng(0).standard_t(4, 20_000))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("on_production", [None, 1.0])
def test_one_hostile_key_of_twelve_does_not_end_a_good_canary(share, on_production):
    """It reports each of the canary's prices as ten times too high, and in the harder case each of
    production's as right. At most 1 % of good canaries may end, and of these none does."""
    hostile = Keys(honest=11, hostile=share, on_canary=10.0, on_production=on_production)
    assert not np.isfinite([ended_after(RATIOS, 1.0, seed, hostile) for seed in range(3)]).any()


def test_without_the_rule_for_keys_the_hostile_one_would_end_it():
    hostile = Keys(honest=11, hostile=0.5, on_canary=10.0)
    with patch("benchmarks.harness.canary_simulation.canary_feedback", as_from_one_key):
        assert ended_after(RATIOS, 1.0, 1, hostile) < 200


def as_from_one_key(canary: Reports, production: Reports) -> CanaryFeedback:
    """Counted without looking at the keys."""
    one_key = (Reports(np.zeros(len(side.keys)), side.ratios) for side in (canary, production))
    return canary_feedback(*one_key)


@pytest.mark.parametrize("keys", [Keys(12), Keys(3), Keys(1), Keys(11, 0.1, on_canary=0.95)])
def test_a_bad_canary_is_ended_however_many_keys_report(keys):
    ended = [ended_after(RATIOS, 1.2, seed, keys) for seed in range(5)]
    assert np.isfinite(ended).all()
