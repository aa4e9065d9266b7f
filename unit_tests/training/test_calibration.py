"""The interval covers what it promises."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vehicle_price.features.definitions import FEATURE_NAMES
from vehicle_price.training.calibration import conformal_margin, fit_interval

INTERVALS = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(0, 4), st.floats(-9, 9)), min_size=1, max_size=40
)


@given(INTERVALS, st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_margin_is_the_smallest_that_covers_enough_rows(drawn, coverage):
    low, width, actual = np.array(drawn).T
    interval = np.column_stack([low, low + width])
    margin = conformal_margin(interval, actual, coverage)

    def covered(margin: float) -> int:
        inside = (low - margin - 1e-9 <= actual) & (actual <= low + width + margin + 1e-9)
        return int(inside.sum())

    needed = min(math.ceil((len(actual) + 1) * coverage), len(actual))
    assert covered(margin) >= needed
    assert covered(margin - 1e-6) < needed


def test_the_margin_keeps_its_promise_for_new_rows():
    """Coverage of a fresh row is between 0.9 and 0.9 + 1 / (rows + 1), on average."""
    rng = np.random.default_rng(7)
    held = []
    for _ in range(3_000):
        actual = rng.gumbel(size=40)
        interval = np.tile([-0.3, 0.6], (40, 1))
        margin = conformal_margin(interval[:-1], actual[:-1], 0.9)
        held.append(-0.3 - margin <= actual[-1] <= 0.6 + margin)
    assert 0.9 - 0.015 < np.mean(held) < 0.9 + 1 / 40 + 0.015


def test_an_interval_that_is_too_wide_is_narrowed():
    interval, actual = np.tile([-10.0, 10.0], (99, 1)), np.linspace(-1, 1, 99)
    assert conformal_margin(interval, actual, 0.9) < -9


def test_with_fewer_rows_than_needed_the_worst_of_them_is_covered():
    interval, actual = np.tile([0.0, 1.0], (5, 1)), np.array([0.5, 1.5, 3.0, -1.0, 0.2])
    assert conformal_margin(interval, actual, 0.9) == 2.0


def test_the_interval_holds_about_what_is_asked_of_the_rows_it_was_fitted_on():
    rng = np.random.default_rng(0)
    drawn = rng.normal(0, 1, (4_000, len(FEATURE_NAMES))).astype(np.float32)
    noise = rng.normal(0, 1, 4_000)
    booster = fit_interval(drawn, 9 + noise, coverage=0.8, seed=1, threads=1)
    low, high = booster.inplace_predict(drawn).reshape(-1, 2).T
    assert 0.75 < ((low <= 9 + noise) & (9 + noise <= high)).mean() < 0.95
    assert np.median(low) < 9 < np.median(high)
