"""The counts of a canary: latencies by histogram, and sums over workers."""

from hypothesis import given
from hypothesis import strategies as st

from service.inference.canary_stats import CanaryStats, RoleStats


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=50))
def test_p95_is_within_a_step_of_the_true_one(times):
    counts = RoleStats()
    for seconds in times:
        counts.add_latency(seconds)
    exact = sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]
    assert 0.83 <= counts.p95() / exact <= 1.2


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.floats(1e-6, 10)), max_size=40))
def test_what_workers_wrote_adds_up(answers):
    total, whole, files = RoleStats(), CanaryStats("x"), []
    for is_canary, listings, seconds in answers:
        whole.count("canary" if is_canary else "production", listings, seconds)
        worker = CanaryStats("x")
        worker.count("canary" if is_canary else "production", listings, seconds)
        files.append(worker.as_dict())
    for counts in files:
        total.add(RoleStats(counts["canary"]))
    assert total.as_dict() == whole.canary.as_dict()
