"""A segment of the market in which a model is worse is found, whether it is large or small."""

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.gate.comparison import Compared
from vehicle_price.gate.segment_checks import segment_checks

CARS = 400


def compared(in_texas: int, regions: int, factor: float) -> Compared:
    """A challenger whose error is `factor` times production's in Texas, and half elsewhere."""
    cars = pd.concat([tiny.accepted()] * 2).head(CARS).reset_index(drop=True)
    number = np.arange(CARS)
    state = pd.Series(np.where(number < in_texas, "tx", "ca"))
    region = pd.Series([f"region {n % regions}" for n in number])
    price, size = pd.Series(np.full(CARS, 10_000)), 1_000.0 + number % 7
    cars = cars.assign(state=state, region=region, price=price, posting_day="2021-05-01")
    worse = np.where(state == "tx", factor, 0.5)
    prices, rival = (pd.DataFrame({"price": price + error}) for error in (size * worse, size))
    baseline = (price + 2_000).to_numpy(float)
    return Compared(cars, prices, rival, baseline, "2", "production", {"metrics": {}})


def failed(checked: Compared) -> list[str]:
    """The texts of the checks that failed because of Texas."""
    texts = [check.text for check in segment_checks(checked) if not check.passed]
    return [text for text in texts if "the worst is state tx" in text]


def test_a_large_segment_that_is_certainly_worse_is_refused():
    (text,) = failed(compared(in_texas=150, regions=40, factor=1.1))
    assert "over all segments" in text
    assert not failed(compared(in_texas=150, regions=40, factor=1.0))


@pytest.mark.parametrize(("in_texas", "regions"), [(80, 40), (150, 10)])
def test_of_few_cars_or_few_regions_and_days_only_a_large_factor_is_refused(in_texas, regions):
    assert not failed(compared(in_texas, regions, factor=1.4))
    (text,) = failed(compared(in_texas, regions, factor=2.1))
    assert "small segments" in text and "2.10 times that of production" in text
    of_both = failed(compared(in_texas, regions, factor=3.5))
    assert "times that of the baseline; at most 1.5" in of_both[0] and len(of_both) == 2
