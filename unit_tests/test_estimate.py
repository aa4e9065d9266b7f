"""Warnings of unknown values are read back, and nothing else is."""

import pytest

from unit_tests.helpers import tiny
from vehicle_price.estimate import unknown_columns, unknown_value


@pytest.mark.parametrize(
    "value", ["zyxwv", "it's", 'a "b"', "x\ny", "was not in the training data; "]
)
def test_the_column_of_an_unknown_value_is_read_whatever_the_value_is(value):
    warning = unknown_value("model", value, "priced from the make")
    assert unknown_columns([warning]) == {"model"}


@pytest.mark.parametrize(
    "warning",
    [
        "model: not given; priced as an average car of the make",
        "odometer: 5 is outside what the model was trained on (10 to 400000)",
        "condition: 'x' is fine; model: 'y' was wrong",
        "",
        None,
        7,
    ],
)
def test_other_warnings_are_of_known_values(warning):
    assert unknown_columns([warning]) == frozenset()


def test_the_models_own_warnings_are_read():
    listing = {"manufacturer": "honda", "model": "zyxwv", "condition": "splendid", "fuel": "steam"}
    car = listing | {"year": 2014, "odometer": 499_999, "region": "nowhere"}
    warnings = tiny.valuation("xgboost").price_one(car).warnings
    assert unknown_columns(warnings) == {"model", "condition", "fuel", "region"}
    assert len(warnings) > 4
