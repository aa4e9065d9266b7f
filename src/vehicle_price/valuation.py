"""The deployable model: preprocessing, estimator and calibration in one object.

It takes raw listings and returns prices, so training and serving cannot disagree. `artifact.py`
saves and loads it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import xgboost as xgb

from vehicle_price.features import LEVEL_COLUMNS, Tables, car_keys, encode_frame, encode_row


class Estimate(NamedTuple):
    """What a car is worth, in whole US dollars: price, interval, and what to know about it."""

    price: int
    low: int
    high: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Valuation:
    """From raw listings to prices.

    price_booster: log price. interval_booster: two quantiles of log price.
    interval_margin: added to both quantiles' distance, so that they cover what they promise.
    facts: what a user may ask about the model; JSON-able.
    seen_cars: uint64, hashes of the cars it was fitted on (`cars.car_hashes`).
    """

    tables: Tables
    price_booster: xgb.Booster
    interval_booster: xgb.Booster
    interval_margin: float
    facts: dict
    seen_cars: np.ndarray

    def price_one(self, listing: Mapping[str, object]) -> Estimate:
        """Price one checked listing (raw column names); no data frame on the way."""
        inputs = np.array([encode_row(self.tables, listing)], np.float32)
        return self._estimate(listing, self._prices(inputs)[0])

    def price_many(self, listings: Sequence[Mapping[str, object]]) -> list[Estimate]:
        """Price checked listings, in their order; each as `price_one` would."""
        if not listings:
            return []
        inputs = np.array([encode_row(self.tables, one) for one in listings], np.float32)
        rows = self._prices(inputs)
        return [self._estimate(one, row) for one, row in zip(listings, rows, strict=True)]

    def price_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Price a frame with raw column names: columns price, low, high; the frame's index.

        float64; a broken model's NaN is left to be seen, where price_one raises ValueError.
        """
        low, price, high = self._prices(encode_frame(self.tables, frame)).T
        return pd.DataFrame({"price": price, "low": low, "high": high}, index=frame.index)

    def warnings(self, listing: Mapping[str, object]) -> tuple[str, ...]:
        """What the price of this listing rests on less firmly than others."""
        found = [
            f"{column}: {value!r} was not in the training data; priced as an average one"
            for column in LEVEL_COLUMNS
            if (value := listing.get(column)) and value not in self.tables.levels[column]
        ]
        if listing.get("condition") in self.tables.guessed:
            found.append(
                f"condition: {listing['condition']!r} was not in the training data; priced "
                "between the conditions next to it"
            )
        return (*self._car_warnings(listing), *self._range_warnings(listing), *found)

    def _car_warnings(self, listing: Mapping[str, object]) -> tuple[str, ...]:
        make, model = str(listing["manufacturer"]), listing.get("model")
        groups = car_keys(make, str(model or "")).groups
        offsets = self.tables.offsets
        if groups[0] not in offsets["make"]:
            return (f"manufacturer: {make!r} was not in the training data; a rough estimate",)
        if not model:
            return ("model: not given; priced as an average car of the make",)
        if groups[1] not in offsets["word1"]:
            return (f"model: {model!r} was not in the training data; priced from the make",)
        return ()

    def _range_warnings(self, listing: Mapping[str, object]) -> tuple[str, ...]:
        found = []
        for column, (low, high) in self.facts["ranges"].items():
            value = listing[column]
            if not low <= value <= high:
                found.append(
                    f"{column}: {value} is outside what the model was trained on ({low} to {high})"
                )
        return tuple(found)

    def _estimate(self, listing: Mapping[str, object], row: np.ndarray) -> Estimate:
        if not np.isfinite(row).all():
            raise ValueError(f"the model answered {row.tolist()}, which is not a number of dollars")
        low, price, high = (int(v) for v in row)
        return Estimate(price, low, high, self.warnings(listing))

    def _prices(self, inputs: np.ndarray) -> np.ndarray:
        """float64 (rows, 3): low, price, high in whole dollars, low <= price <= high."""
        logs = np.empty((len(inputs), 3))
        logs[:, 1] = self.price_booster.inplace_predict(inputs)
        quantiles = log_interval(self.interval_booster, inputs)
        logs[:, 0] = np.minimum(quantiles[:, 0] - self.interval_margin, logs[:, 1])
        logs[:, 2] = np.maximum(quantiles[:, 1] + self.interval_margin, logs[:, 1])
        return np.rint(np.exp(logs))


def log_interval(booster: xgb.Booster, inputs: np.ndarray) -> np.ndarray:
    """The booster's two quantiles of log price, float32 (rows, 2), in rising order."""
    return np.sort(booster.inplace_predict(inputs).reshape(-1, 2), axis=1)


def is_plausible(estimate: Estimate) -> bool:
    """Whether an estimate can be a car's price at all (a broken model's cannot)."""
    return all(math.isfinite(v) and 50 <= v <= 2_000_000 for v in estimate[:3])
