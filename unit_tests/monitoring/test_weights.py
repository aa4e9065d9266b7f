"""No caller, request or repeated listing has more than a tenth of a window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle_price.monitoring.profiles.weights import capped


def largest_share(rows: np.ndarray, keys: list) -> float:
    """The largest share that a key's rows have of the total weight."""
    totals = np.bincount(np.unique(keys, return_inverse=True)[1], rows)
    return float(totals.max() / totals.sum())


def test_many_small_callers_count_as_they_are():
    weights = capped({"caller": list(range(20)) * 5})
    assert weights.rows.tolist() == [1.0] * 100 and weights.effective == 100 and not weights.few


def test_a_caller_with_most_of_the_rows_has_a_tenth_and_the_total_shrinks():
    callers = ["big"] * 9_000 + [f"small {n % 50}" for n in range(900)]
    weights = capped({"caller": callers})
    assert weights.effective == pytest.approx(1_000, rel=1e-3)
    assert largest_share(weights.rows, callers) == pytest.approx(0.1, rel=1e-2)
    assert (weights.rows[9_000:] == 1).all()


@given(st.lists(st.integers(1, 500), min_size=10, max_size=40))
def test_the_largest_share_is_a_tenth_whatever_the_sizes(sizes):
    callers = np.repeat(np.arange(len(sizes)), sizes).tolist()
    weights = capped({"caller": callers})
    assert weights.effective > 0 and not weights.few
    assert largest_share(weights.rows, callers) <= 0.1 * 1.01
    assert weights.rows.min() > 0 and weights.rows.max() <= 1


def test_a_repeated_listing_of_many_callers_is_limited_too():
    listings = ["same"] * 500 + list(range(500))
    weights = capped({"caller": [n % 100 for n in range(1_000)], "listing": listings})
    assert largest_share(weights.rows, [str(listing) for listing in listings]) <= 0.101


@pytest.mark.parametrize(("callers", "few"), [(1, True), (9, True), (10, False)])
def test_with_fewer_than_ten_callers_nobody_is_limited_and_the_key_is_named(callers, few):
    keys = ["big"] * 500 + [f"small {n % callers}" for n in range(callers - 1)]
    weights = capped({"caller": keys})
    assert weights.few == (("caller",) if few else ())
    assert (weights.effective == len(keys)) == few


def test_rows_without_a_caller_are_one_caller():
    callers = [None, np.nan, "", *range(20)]
    alone = capped({"caller": [None] * 500 + list(range(20))})
    assert alone.rows[0] < 0.1 and len(capped({"caller": callers}).rows) == 23


def test_without_rows_or_keys_there_is_no_weight():
    empty = capped({"caller": []})
    assert empty.effective == 0 and len(empty.rows) == 0 and empty.few == ("caller",)
    assert capped({}).effective == 0


def test_ten_callers_of_different_size_have_a_tenth_each():
    keys = [str(n) for n in range(10) for _ in range(10 * (n + 1))]
    weights = capped({"caller": keys})
    assert largest_share(weights.rows, keys) == pytest.approx(0.1, rel=0.01)
    assert weights.few == () and weights.effective == pytest.approx(100, rel=0.01)


def test_values_of_any_type_can_be_keys():
    assert capped({"caller": [["a"], {"b": 1}, None, 3, "x"] * 20}).effective == 100
