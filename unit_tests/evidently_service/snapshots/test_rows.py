"""Rows stand for counts: as many as a group weighs, and none of a group that is not there."""

import numpy as np
import pytest

from evidently_service.snapshots.rows import (
    MOST_ROWS,
    PicturedColumn,
    row_counts,
    sides,
    weight_of_a_row,
)


def column(name, reference, window):
    """A column of three groups."""
    weights = np.array(reference, float), np.array(window, float)
    return PicturedColumn(name, ("few", "many", "<missing>"), *weights, 0.1, 0.2, False)


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_in_proportion_and_no_group_is_lost(seed):
    random = np.random.default_rng(seed)
    weights = random.exponential(1, 30) ** 4 * (random.random(30) < 0.7)
    rows = row_counts(weights, 500)
    assert rows.sum() == 500
    assert ((rows > 0) == (weights > 0)).all()
    exact = weights / weights.sum() * 500
    small = (weights > 0) & (exact < 1)
    # One group gives up what the groups with less than a row take.
    assert (np.abs(rows - exact) <= 1 + small.sum()).all()
    np.testing.assert_allclose(weight_of_a_row(weights, rows) * rows, weights)


def test_both_sides_have_a_row_for_each_request_of_the_window():
    columns = [column("a", [9000, 900, 100], [600, 0, 0]), column("b", [1, 1, 1], [0, 150, 450])]
    reference, window = sides(columns)
    assert len(reference) == len(window) == 600
    assert dict(window["a"].value_counts()) == {"few": 600}
    assert dict(window["b"].value_counts()) == {"<missing>": 450, "many": 150}
    assert dict(reference["a"].value_counts()) == {"few": 540, "many": 54, "<missing>": 6}
    assert dict(reference["b"].value_counts()) == {"few": 200, "many": 200, "<missing>": 200}


def test_a_large_window_has_a_bounded_number_of_rows():
    assert len(sides([column("a", [1, 2, 3], [1e6, 0, 1])]).window) == MOST_ROWS
