"""The probes notice a price that moves the wrong way."""

import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.gate.probes import CARS, probe
from vehicle_price.names import FAMILY_NAMES


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_our_models_keep_their_promises(family):
    probed = probe(tiny.valuation(family).price_frame, tiny.halves().test)
    assert (probed.dearer_by_miles, probed.cheaper_by_condition) == (0, 0)
    assert probed.cars == min(CARS, len(tiny.halves().test))


def test_a_price_that_rises_with_miles_is_noticed_by_one_mile():
    def price_frame(cars):
        return pd.DataFrame({"price": 10_000.0 + cars["odometer"]})

    assert probe(price_frame, tiny.halves().test).dearer_by_miles > 400


def test_a_condition_out_of_order_is_noticed():
    dollars = {"good": 9_000.0, "fair": 9_500.0}

    def price_frame(cars):
        return pd.DataFrame({"price": cars["condition"].map(dollars).fillna(9_200.0)})

    probed = probe(price_frame, tiny.halves().test)
    assert probed.cheaper_by_condition == probed.cars


def test_a_newer_car_that_is_cheaper_is_counted():
    def price_frame(cars):
        return pd.DataFrame({"price": -1.0 * cars["year"]})

    assert probe(price_frame, tiny.halves().test).cheaper_by_year == CARS
