"""Which reports on a canary count: no key has more than a tenth, and large keys can be left out."""

import numpy as np
import pytest

from vehicle_price.monitoring.canary import CanaryFeedback, Reports, canary_feedback
from vehicle_price.monitoring.profiles.weights import most_of_a_value


def reports(keys: str, ratios) -> Reports:
    """Reports of keys with one letter each."""
    return Reports(np.array(list(keys)), np.broadcast_to(np.asarray(ratios, float), len(keys)))


EVEN = "abcdefghijkl" * 20
PRODUCTION = reports(EVEN, np.linspace(0.9, 1.2, len(EVEN)))  # medians: 1.05, and an error of 0.075


def test_without_a_large_key_every_report_counts():
    found = canary_feedback(reports(EVEN, 1.3), PRODUCTION)
    assert found[:5] == (240, 240, 240, 240, 0) and (found.keys, found.left_out) == (12, 0)


def test_the_first_reports_of_a_key_count_up_to_a_tenth_of_all_that_count():
    canary = reports(100 * "x" + "abcdefghijkl" * 5, [1.3] * 6 + [0.8] * 94 + [1.0] * 60)
    found = canary_feedback(canary, PRODUCTION)
    assert (found.canary, found.left_out) == (66, 94)
    assert (found.higher_prices, found.lower_prices) == (6, 60)  # the first six of x


def test_a_key_cannot_move_productions_median_by_many_reports():
    flooded = Reports(
        np.concatenate([PRODUCTION.keys, np.full(5_000, "x")]),
        np.concatenate([PRODUCTION.ratios, np.full(5_000, 5.0)]),
    )
    found = canary_feedback(reports(EVEN, 1.07), flooded)
    # All 5,000 would have made 5.0 the median; 26 of 266 move it from 1.05 to 1.066.
    assert (found.production, found.higher_prices) == (266, 240)


def test_with_fewer_than_ten_keys_every_report_counts():
    found = canary_feedback(reports(90 * "x" + "abcdefgh", 1.3), PRODUCTION)
    assert (found.canary, found.left_out) == (98, 0)


def test_the_counts_without_a_large_key_are_those_of_the_others():
    canary = reports("xxxxyz" * 5, [1.3, 1.3, 1.3, 1.3, 1.0, 1.0] * 5)
    found = canary_feedback(canary, PRODUCTION)
    of_others = [CanaryFeedback(*one[:5]) for one in found.without]
    assert (240, 10, 0, 0, 10) in [one[:5] for one in of_others]  # without x
    assert len(of_others) == len("xyz") + len(set(EVEN))
    assert all(one.production == 220 for one in of_others[: len(set(EVEN))])


def test_the_only_key_is_not_left_out():
    only = canary_feedback(reports("x" * 50, 1.3), reports("x" * 300, 1.0))
    assert (only.keys, only.canary, only.without) == (1, 50, ())


def test_nothing_is_known_without_reports_on_production():
    nothing = reports("", 1.0)
    assert canary_feedback(reports("xyz", 1.3), nothing)[:5] == (0, 3, 0, 0, 0)
    assert canary_feedback(nothing, nothing)[:5] == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_a_report_that_counts_goes_on_counting_and_no_key_has_more_than_a_tenth(seed):
    random = np.random.default_rng(seed)
    arrivals = random.choice(15, 3_000, p=random.dirichlet(np.full(15, 0.5)))
    before = 0
    for count in range(100, 3_001, 100):
        counts = np.bincount(arrivals[:count], minlength=15)
        most = most_of_a_value(counts[counts > 0].tolist())
        if most is None:
            assert (counts > 0).sum() < 10 and not before
            continue
        counted = np.minimum(counts, most)
        assert most >= before and counted.max() <= 0.1 * counted.sum() + 1e-9
        before = most
