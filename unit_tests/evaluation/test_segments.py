"""The segments in which the gate compares models."""

import numpy as np
import pandas as pd

from unit_tests.helpers import tiny
from vehicle_price.evaluation.segments import MIN_CARS, price_bands, segments


def test_each_kind_of_segment_has_every_car_once_at_most():
    cars = tiny.halves().test
    found = segments(cars, cars["price"].to_numpy(float))
    kinds = {name.rpartition(" ")[0].split(" up to")[0].split(" above")[0] for name in found}
    assert any(kind.startswith("predicted price") for kind in kinds)
    for kind in (
        "make ",
        "type ",
        "state ",
        "age ",
        "miles ",
        "predicted price ",
        "blank columns ",
    ):
        of_kind = [members for name, members in found.items() if name.startswith(kind)]
        assert of_kind, kind
        assert np.sum(of_kind, axis=0).max() == 1, kind
    assert min(members.sum() for members in found.values()) >= MIN_CARS


def test_blank_levels_are_a_segment():
    cars = tiny.halves().test.assign(type=None)
    found = segments(cars, cars["price"].to_numpy(float))
    assert found["type not stated"].all()


def test_the_bands_of_prices_have_words_for_their_limits():
    bands = price_bands(np.array([4_999.0, 5_000.0, 5_001.0, 99_999.0]))
    assert bands.tolist() == ["up to 5,000", "up to 5,000", "5,000 to 10,000", "above 40,000"]
    assert isinstance(bands, pd.Series)
