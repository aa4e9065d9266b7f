"""The deployable model: preprocessing, estimator and calibration in one object.

It takes raw listings and returns prices, so training and serving cannot disagree. `artifact.py`
saves and loads it.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from vehicle_price.estimate import Estimate
from vehicle_price.features.encoder import FEATURE_NAMES, LEVEL_COLUMNS, Encoded, Encoder, Tables
from vehicle_price.model.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd
    import xgboost as xgb

    from vehicle_price.model.trees import Trees

Ahead = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Valuation:
    """From raw listings to prices.

    scorer: log price and its two quantiles, from the model inputs.
    interval_margin: added to both quantiles' distance, so that they cover what they promise.
    facts: what a user may ask about the model; JSON-able.
    seen_cars: uint64, hashes of the cars it was fitted on (`cars.car_hashes`).
    """

    tables: Tables
    scorer: Scorer
    interval_margin: float
    facts: dict
    seen_cars: np.ndarray

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.tables)

    def price_one(self, listing: Mapping[str, object]) -> Estimate:
        """Price one checked listing (raw column names); no data frame on the way."""
        encoded = self._encoder.encode(listing)
        scores = self.scorer.score(np.array([encoded.inputs], np.float32))[0].tolist()
        return self._estimate(listing, encoded, self._price_alone(*scores))

    def price_many(self, listings: Sequence[Mapping[str, object]]) -> list[Estimate]:
        """Price checked listings, in their order; each as `price_one` would."""
        return next(self.price_turns([listings]))

    def price_turns(
        self, turns: Iterable[Sequence[Mapping[str, object]]], ahead: Ahead = map
    ) -> Iterator[list[Estimate]]:
        """`price_many` of each of `turns`. ahead: a `map` that may run one item ahead, elsewhere;
        it gets the scorer, the only part that other threads need not wait for."""
        under_way: deque = deque()

        def inputs() -> Iterator[np.ndarray]:
            for listings in turns:
                encoded = [self._encoder.encode(one) for one in listings]
                under_way.append((listings, encoded))
                rows = np.array([one.inputs for one in encoded], np.float32)
                yield rows.reshape(len(listings), len(FEATURE_NAMES))

        for prices in ahead(self._prices, inputs()):
            yield list(map(self._estimate, *under_way.popleft(), prices.tolist()))

    def price_frame(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Price a frame with raw column names: columns price, low, high; the frame's index.

        float64; a broken model's NaN is left to be seen, where price_one raises ValueError.
        """
        import pandas as pd  # only here: a service that prices listings does without

        from vehicle_price.features.frame import encode_frame

        low, price, high = self._prices(encode_frame(self.tables, frame)).T
        return pd.DataFrame({"price": price, "low": low, "high": high}, index=frame.index)

    def _warnings(self, listing: Mapping[str, object], encoded: Encoded) -> tuple[str, ...]:
        """What the price of this listing rests on less firmly than others."""
        found = self._unknown_levels(listing) if encoded.unknown_level else []
        if listing.get("condition") in self.tables.guessed:
            found.append(
                f"condition: {listing['condition']!r} was not in the training data; priced "
                "between the conditions next to it"
            )
        found = self._range_warnings(listing) + found
        return (*encoded.car.warnings, *found) if found else encoded.car.warnings

    def _unknown_levels(self, listing: Mapping[str, object]) -> list[str]:
        levels = self.tables.levels
        return [
            f"{column}: {value!r} was not in the training data; priced as an average one"
            for column in LEVEL_COLUMNS
            if (value := listing.get(column)) and value not in levels[column]
        ]

    def _range_warnings(self, listing: Mapping[str, object]) -> list[str]:
        found = []
        for column, (low, high) in self.facts["ranges"].items():
            value = listing[column]
            if not low <= value <= high:
                found.append(
                    f"{column}: {value} is outside what the model was trained on ({low} to {high})"
                )
        return found

    def _estimate(
        self, listing: Mapping[str, object], encoded: Encoded, row: list[float]
    ) -> Estimate:
        low, price, high = row
        if not math.isfinite(low + price + high):
            raise ValueError(f"the model answered {row}, which is not a number of dollars")
        return Estimate(int(price), int(low), int(high), self._warnings(listing, encoded))

    def _price_alone(self, price: float, first: float, second: float) -> list[float]:
        """`_prices` of one row: the same arithmetic without a dozen calls of NumPy."""
        if not math.isfinite(price + first + second):
            return [math.nan] * 3
        low = min(min(first, second) - self.interval_margin, price)
        high = max(max(first, second) + self.interval_margin, price)
        return np.rint(np.exp([low, price, high])).tolist()

    def _prices(self, inputs: np.ndarray) -> np.ndarray:
        """float64 (rows, 3): low, price, high in whole dollars, low <= price <= high."""
        price, first, second = self.scorer.score(inputs).astype(float).T
        low = np.minimum(first, second) - self.interval_margin  # a few quantiles cross
        high = np.maximum(first, second) + self.interval_margin
        logs = np.column_stack([np.minimum(low, price), price, np.maximum(high, price)])
        return np.rint(np.exp(logs))


@dataclass(frozen=True)
class Fitted(Valuation):
    """A valuation fresh from its fit, with what its scorer was made from.

    trees: as they are saved. price_booster: log price. interval_booster: two quantiles of log
    price.
    """

    trees: "Trees"
    price_booster: "xgb.Booster"
    interval_booster: "xgb.Booster"
