"""How accurate prices are: metrics over all cars and by slice."""

import math

import numpy as np
import pandas as pd

from vehicle_price.estimate import COVERAGE

PRICE_BANDS = (500, 2_000, 5_000, 10_000, 20_000, 40_000, 150_000)


def metrics(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """MAE and RMSE in US dollars, R², MAPE and median APE as shares (0.1 is 10 %).

    Both arrays (rows,), in US dollars. A prediction that is not a number makes NaN.
    """
    actual, predicted = np.asarray(actual, float), np.asarray(predicted, float)
    error = predicted - actual
    share = np.abs(error) / actual
    spread = ((actual - actual.mean()) ** 2).sum()
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(math.sqrt((error**2).mean())),
        "r2": float(1 - (error**2).sum() / spread) if spread else math.nan,
        "mape": float(share.mean()),
        "median_ape": float(np.median(share)),
    }


def coverage(actual: np.ndarray, prices: pd.DataFrame) -> float:
    """The share of actual prices within [low, high]."""
    return float(((prices["low"] <= actual) & (actual <= prices["high"])).mean())


def interval_score(actual: np.ndarray, prices: pd.DataFrame) -> np.ndarray:
    """The interval score of each car in US dollars; lower is better.

    Width, plus how far the asked price lies outside, times 2 / (1 - COVERAGE). It is lowest in the
    mean for the true quantiles (Gneiting and Raftery 2007, eq. 43).
    """
    low, high = prices["low"].to_numpy(float), prices["high"].to_numpy(float)
    outside = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return high - low + 2 / (1 - COVERAGE) * outside


def slices(cars: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Metrics by price band, vehicle type and state.

    cars: accepted listings. prices: `Valuation.price_frame` of them.
    Columns: slice, value, cars, and those of `metrics`; largest slices first.
    """
    by = {
        "price band": price_band(cars["price"]),
        "type": cars["type"].fillna("not given"),
        "state": cars["state"].fillna("not given"),
    }
    rows = [
        {"slice": name, "value": str(value), "cars": len(index)}
        | metrics(cars["price"][index].to_numpy(), prices["price"][index].to_numpy())
        for name, values in by.items()
        for value, index in cars.groupby(values).groups.items()
    ]
    return pd.DataFrame(rows).sort_values(["slice", "cars"], ascending=[True, False])


def price_band(price: pd.Series) -> pd.Series:
    """The band of each price as text, such as '10,000-20,000'."""
    names = [f"{low:,}-{high:,}" for low, high in zip(PRICE_BANDS, PRICE_BANDS[1:], strict=False)]
    return pd.cut(price, PRICE_BANDS, labels=names, include_lowest=True).astype(str)
