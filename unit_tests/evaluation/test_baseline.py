"""The baseline: medians of similar cars, which a model has to beat."""

import numpy as np
import pandas as pd

from unit_tests.helpers import tiny
from vehicle_price.evaluation.baseline import MIN_GROUP_CARS, baseline_prices
from vehicle_price.evaluation.metrics import metrics


def car(make: str, model: str | None, year: int, price: int = 0) -> dict[str, object]:
    """What the baseline looks at."""
    return {"manufacturer": make, "model": model, "year": year, "price": price}


def baseline_of(*cars: dict[str, object]) -> list[float]:
    """Baseline prices after training on a few cars."""
    train = [car("honda", "civic", 2014, p) for p in (8_000, 9_000, 13_000)]
    train += [car("honda", "accord", 2014, p) for p in (1_000, 20_000)]
    train += [car("ford", "f-150", 2014, 30_000)]
    train += [car("ford", "f-150", 2010, p) for p in (12_000, 14_000)]
    return baseline_prices(pd.DataFrame(train), pd.DataFrame(cars)).tolist()


def test_the_baseline_is_the_median_of_the_model_in_its_year():
    assert baseline_of(car("honda", "Civic", 2014)) == [9_000]


def test_the_baseline_falls_back_to_make_and_year_to_year_and_to_all():
    assert MIN_GROUP_CARS == 3
    assert baseline_of(car("honda", "accord", 2014)) == [9_000]  # 1,000 8,000 9,000 13,000 20,000
    assert baseline_of(car("ford", "f-150", 2014)) == [11_000]  # of six cars of 2014
    assert baseline_of(car("zyxwv", "3000", 2014)) == [11_000]
    assert baseline_of(car("ford", "f-150", 2010)) == [12_500]  # of all eight
    assert baseline_of(car("zyxwv", None, 1999)) == [12_500]


def test_the_baseline_answers_in_the_order_asked_whatever_the_index():
    train, test = tiny.halves().train, tiny.halves().test
    prices = baseline_prices(train, test)
    assert prices.shape == (len(test),) and np.isfinite(prices).all()
    turned = baseline_prices(train.iloc[::-1], test.iloc[::-1])
    assert turned[::-1].tolist() == prices.tolist()


def test_a_model_beats_the_baseline_and_the_baseline_beats_one_price_for_all():
    train, test = tiny.halves().train, tiny.halves().test
    actual = test["price"].to_numpy()
    flat = np.full(len(test), train["price"].median())
    maes = [
        metrics(actual, prices)["mae"]
        for prices in (
            tiny.valuation("xgboost").price_frame(test)["price"].to_numpy(),
            baseline_prices(train, test),
            flat,
        )
    ]
    assert maes[0] < 0.7 * maes[1] and maes[1] < 0.9 * maes[2]
