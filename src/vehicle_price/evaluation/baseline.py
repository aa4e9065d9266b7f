"""The baseline that every model must beat: median prices of similar cars."""

import numpy as np
import pandas as pd

from vehicle_price.features.frame import car_frame

MIN_GROUP_CARS = 3  # a median of fewer cars is not used


def baseline_prices(train: pd.DataFrame, cars: pd.DataFrame) -> np.ndarray:
    """Median training price by make, model and year; else by make and year, by year, of all cars.

    Returns US dollars, (len(cars),).
    """
    prices = np.full(len(cars), float(train["price"].median()))
    train_keys, keys = _keys(train), _keys(cars)
    for columns in (["year"], ["make", "year"], ["text", "year"]):
        grouped = train["price"].groupby([train_keys[c] for c in columns])
        median = grouped.median()[grouped.size() >= MIN_GROUP_CARS].rename("median")
        group_prices = keys.join(median, on=columns)["median"].to_numpy()
        prices = np.where(np.isnan(group_prices), prices, group_prices)
    return prices


def _keys(cars: pd.DataFrame) -> pd.DataFrame:
    return car_frame(cars)[["make", "text"]].assign(year=cars["year"])
