"""How requests differ from the training rows: given values, and blanks apart from them."""

import numpy as np
import pytest

from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring.profiles.profile import EMPTY, profile
from vehicle_price.monitoring.skew import ColumnSkew, skew


def skew_of(**changes: object) -> dict[str, ColumnSkew]:
    """The skew of changed requests against rows of the same market, by column."""
    training = made_up(4_000, 1).drop(columns=["price", "low", "high", "warnings", "caller"])
    window = profile(made_up(2_000, 2).assign(**changes))
    return {row.column: row for row in skew(window, profile(training))}


def test_blanks_are_a_share_and_no_distance():
    usual = skew_of()["condition"]
    condition = made_up(2_000, 2)["condition"].where(np.arange(2_000) % 2 == 0, None)
    blank = skew_of(condition=condition)["condition"]
    assert blank.blank > usual.blank + 0.3
    assert blank.training_blank == usual.training_blank == pytest.approx(0.3, abs=0.03)
    assert max(usual.distance, blank.distance) < 0.05


def test_other_given_values_are_a_distance():
    assert skew_of(condition="salvage")["condition"].distance > 0.9
    usual, doubled = skew_of()["odometer"], skew_of(odometer=made_up(2_000, 2)["odometer"] * 2)
    assert doubled["odometer"].distance > 2 * usual.distance


def test_what_training_rows_do_not_have_is_left_out():
    columns = set(skew_of())
    assert {"age", "odometer", "condition", "state"} <= columns
    assert not columns & {"price", "relative_width", "model_known", "unknown_level"}


def test_a_field_that_is_blank_everywhere_has_no_distance():
    row = skew_of(condition=None)["condition"]
    assert (row.distance, row.blank) == (0.0, 1.0)


def test_nothing_has_no_skew():
    assert skew(EMPTY, profile(made_up(100, 1))) == () == skew(profile(made_up(0, 1)), EMPTY)
