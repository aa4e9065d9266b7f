"""Models and listings that the promotion gate must refuse, each with the words of the right reason.

Most act on the predictions of one fitted model: `Sabotage.change` turns its prices of cars into the
saboteur's. Those that act on the listings change what challenger and gate read alike.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.model.valuation import Valuation

# (cars, the honest model's price_frame of them) → the prices that are given out
Change = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


class Sabotaged:
    """A model whose prices are changed. facts, seen_cars: of the honest model."""

    def __init__(self, honest: Valuation, change: Change) -> None:
        self.honest, self.change = honest, change
        self.facts, self.seen_cars = honest.facts, honest.seen_cars

    def price_frame(self, cars: pd.DataFrame) -> pd.DataFrame:
        """The changed prices, low <= price <= high."""
        return self.change(cars, self.honest.price_frame(cars))


class Sabotage(NamedTuple):
    """name: what was done. change: to the prices. reason: words of the refusal."""

    name: str
    change: Change
    reason: str


def _where(chosen: Callable[[pd.DataFrame], pd.Series], factor: float) -> Change:
    """Multiply price and interval where `chosen` is true."""

    def change(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
        return prices.mul(np.where(chosen(cars), factor, 1.0), axis=0)

    return change


def _constant_make(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    constant = pd.DataFrame({"price": 9_000.0, "low": 4_000.0, "high": 20_000.0}, prices.index)
    return prices.where(cars["manufacturer"] != "toyota", constant)


def _interval(low: float, high: float) -> Change:
    """An interval of other width: so many times the distance to the price, or fixed dollars."""

    def change(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
        del cars
        return prices.assign(
            low=prices["price"] - low * (prices["price"] - prices["low"]),
            high=prices["price"] + high * (prices["high"] - prices["price"]),
        )

    return change


def _endless_interval(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    del cars
    return prices.assign(low=1.0, high=1e8)


def _dearer_with_miles(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    return prices.add(cars["odometer"].to_numpy() % 7, axis=0)


def _lucky_few(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Knows the price of every fiftieth car, and is worse for the others."""
    lucky = pd.Series(np.arange(len(cars)) % 50 == 0, prices.index)
    asked = pd.DataFrame({name: cars["price"].astype(float) for name in prices}, prices.index)
    return prices.mul(1.3).where(~lucky, asked)


SABOTAGES = (
    Sabotage("one make at a constant price", _constant_make, "the worst is make toyota"),
    Sabotage("one state at half price", _where(lambda c: c["state"] == "ca", 0.5), "state ca"),
    Sabotage(
        "an interval from $1 to a hundred million", _endless_interval, "the interval holds 100"
    ),
    Sabotage("a narrow lie of an interval", _interval(0.2, 0.2), "the interval holds "),
    Sabotage(
        "an interval that lies for dear cars only",
        lambda cars, prices: _interval(0.1, 0.1)(cars, prices).where(
            prices["price"] > 20_000, prices
        ),
        "the interval holds ",
    ),
    Sabotage(
        "cars under $3,000 doubled",
        lambda cars, prices: prices.mul(np.where(prices["price"] < 3_000, 2.0, 1.0), axis=0),
        "cheaper in a better condition",  # a better car rises above the limit, and falls
    ),
    Sabotage(
        "all prices 5 % too high", _where(lambda c: c["year"] > 0, 1.05), "the median price is"
    ),
    Sabotage("not monotone in miles", _dearer_with_miles, "dearer with more miles"),
    Sabotage(
        "a better condition is cheaper",
        _where(lambda c: c["condition"] == "excellent", 0.9),
        "cheaper in a better condition",
    ),
    Sabotage("a lucky few cars", _lucky_few, "gain over production"),
    Sabotage(
        "not a number", lambda cars, prices: prices.where(prices["price"] < 9_000), "not a number"
    ),
    Sabotage("infinite", _where(lambda c: c["year"] > 2010, np.inf), "not a number"),
    Sabotage("prices in thousands", _where(lambda c: c["year"] > 0, 0.001), "MAE"),
    Sabotage("prices in cents", _where(lambda c: c["year"] > 0, 100.0), "MAE"),
)
