"""No caller, request or repeated listing has more than a tenth of a window."""

import numpy as np
import pytest

from vehicle_price.monitoring.profiles.weights import LARGEST_SHARE, capped


def shares(keys: list[object], weights: np.ndarray) -> list[float]:
    """The share of each different key, largest first."""
    total = {key: weights[[k == key for k in keys]].sum() for key in set(map(str, keys))}
    return sorted((weight / weights.sum() for weight in total.values()), reverse=True)


def test_equal_callers_keep_their_weight():
    weights = capped({"caller": [str(n % 20) for n in range(400)]})
    assert weights.effective == 400 and (weights.rows == 1).all() and weights.few == ()


@pytest.mark.parametrize(
    "sizes", [[5_000] + [10] * 40, [900, 800, 700] + [20] * 30, [9_000] * 3 + [5] * 9]
)
def test_large_callers_have_at_most_a_tenth_each_and_small_ones_keep_their_weight(sizes):
    keys = [str(n) for n, size in enumerate(sizes) for _ in range(size)]
    weights = capped({"caller": keys})
    assert max(shares(keys, weights.rows)) <= LARGEST_SHARE * 1.002
    smallest = min(sizes)
    of_small = [n for n, key in enumerate(keys) if sizes[int(key)] == smallest]
    assert (weights.rows[of_small] == 1).all()
    assert weights.effective == pytest.approx(weights.rows.sum()) and weights.rows.min() > 0


def test_every_key_is_limited_at_the_same_time():
    caller = ["many"] * 300 + [str(n % 50) for n in range(700)]
    listing = [str(n % 3) if n < 600 else f"own {n}" for n in range(1_000)]
    weights = capped({"caller": caller, "listing": listing})
    assert max(shares(caller, weights.rows)) <= LARGEST_SHARE * 1.01
    assert max(shares(listing, weights.rows)) <= LARGEST_SHARE * 1.01
    assert 0 < weights.effective < 1_000


def test_fewer_than_ten_callers_are_named_and_not_limited():
    weights = capped({"caller": ["one"] * 90 + ["two"] * 10, "request_id": list(range(100))})
    assert weights.few == ("caller",) and weights.effective == 100


def test_ten_callers_of_different_size_have_a_tenth_each():
    keys = [str(n) for n in range(10) for _ in range(10 * (n + 1))]
    weights = capped({"caller": keys})
    assert shares(keys, weights.rows) == pytest.approx([0.1] * 10, rel=0.01)
    assert weights.few == () and weights.effective == pytest.approx(100, rel=0.01)


def test_rows_without_a_caller_are_one_caller():
    keys = [None] * 500 + [str(n) for n in range(100)]
    weights = capped({"caller": keys})
    assert weights.rows[:500].sum() <= 0.1001 * weights.effective


@pytest.mark.parametrize("keys", [{}, {"caller": []}])
def test_nothing_has_no_weight(keys):
    weights = capped(keys)
    assert weights.effective == 0 and len(weights.rows) == 0


def test_values_of_any_type_can_be_keys():
    assert capped({"caller": [["a"], {"b": 1}, None, 3, "x"] * 20}).effective == 100
