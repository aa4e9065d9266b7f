"""The cluster bootstrap: its bounds hold as often as promised, also when cars are alike."""

import numpy as np
import pandas as pd
import pytest

from vehicle_price.gate.bootstrap import clusters_of, simultaneous_bounds

CLUSTERS, CARS, GROUPS, TRIALS = 60, 10, 20, 200


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values with mean 0 that share half of their variance within a cluster, and random groups."""
    random = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(CLUSTERS), CARS)
    values = random.normal(size=CLUSTERS)[clusters] + random.normal(size=CLUSTERS * CARS)
    groups = random.integers(0, GROUPS, CLUSTERS * CARS) == np.arange(GROUPS)[:, None]
    return values, clusters, groups


@pytest.mark.parametrize(("confidence", "most"), [(0.9, 0.25), (0.99, 0.05)])
def test_all_bounds_hold_together_about_as_often_as_promised(confidence, most):
    """Of 20 groups with 30 cars each; a bootstrap of so few is a little too narrow."""
    misses = sum(
        bool((simultaneous_bounds(*drawn(seed), confidence).low > 0).any())
        for seed in range(TRIALS)
    )
    assert misses / TRIALS <= most


def test_cars_that_are_alike_give_wider_bounds_than_independent_ones():
    values, clusters, groups = drawn(1)
    together = simultaneous_bounds(values, clusters, groups[:1] | True, 0.95)
    alone = simultaneous_bounds(values, np.arange(len(values)), groups[:1] | True, 0.95)
    assert (together.high - together.low)[0] > 1.5 * (alone.high - alone.low)[0]


def test_a_real_difference_is_found_in_its_group():
    values, clusters, groups = drawn(2)
    bounds = simultaneous_bounds(values + 5.0 * groups[7], clusters, groups, 0.99)
    assert np.flatnonzero(bounds.low > 0).tolist() == [7]


def test_a_group_of_one_cluster_says_nothing():
    groups = np.array([[True, True, False], [False, False, True]])
    bounds = simultaneous_bounds(np.array([9.0, 9.0, 9.0]), np.array([0, 1, 2]), groups, 0.9)
    assert bounds.low[1] == -np.inf and bounds.high[1] == np.inf


def test_cars_of_one_region_and_day_are_one_cluster():
    cars = pd.DataFrame(
        {"region": ["a", "a", "b", None, None], "posting_day": ["1", "2", "1", "1", "1"]}
    )
    numbers = clusters_of(cars).tolist()
    assert len(set(numbers)) == 4 and numbers[3] == numbers[4]
