"""The deployable model: preprocessing, estimator and calibration in one object.

It turns raw listings into prices, in training and in the service alike. `artifact.py` saves and
loads it.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from vehicle_price.estimate import Estimate, unknown_value
from vehicle_price.features.definitions import (
    FEATURE_NAMES,
    LEVEL_COLUMNS,
    EncodedListing,
    Tables,
)
from vehicle_price.features.encoder import Encoder
from vehicle_price.model.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd
    import xgboost as xgb

    from vehicle_price.model.trees import Trees

MapFunction = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Valuation:
    """From raw listings to prices.

    scorer: log price and its two quantiles, from the model inputs.
    interval_margin: widens the interval of log price on both sides to its nominal coverage.
    facts: what users see of the model, such as family, days and metrics; JSON-able.
    seen_cars: uint64, hashes of the cars it was fitted on (`deduplication.car_hashes`).
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
        """Price one checked listing (raw column names), without a data frame.

        Raises ValueError when the model is broken: its price is not a number.
        """
        encoded = self._encoder.encode(listing)
        scores = self.scorer.score(np.array([encoded.inputs], np.float32))[0].tolist()
        return self._estimate(listing, encoded, self._price_row(*scores))

    def price_many(self, listings: Sequence[Mapping[str, object]]) -> list[Estimate]:
        """Price checked listings, in their order; each as `price_one` would."""
        return next(self.price_batches([listings]))

    def price_batches(
        self, batches: Iterable[Sequence[Mapping[str, object]]], map_ahead: MapFunction = map
    ) -> Iterator[list[Estimate]]:
        """`price_many` of each batch, lazily.

        map_ahead: a `map` that may score the next batch in another thread: scoring releases the
        GIL, encoding does not.
        """
        encoded_batches: deque = deque()  # encoded, but not yet scored

        def inputs() -> Iterator[np.ndarray]:
            for listings in batches:
                encoded = [self._encoder.encode(listing) for listing in listings]
                encoded_batches.append((listings, encoded))
                rows = np.array([listing.inputs for listing in encoded], np.float32)
                yield rows.reshape(len(listings), len(FEATURE_NAMES))

        for prices in map_ahead(self._prices, inputs()):
            yield list(map(self._estimate, *encoded_batches.popleft(), prices.tolist()))

    def price_frame(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Price a frame with raw column names: columns price, low, high; the frame's index.

        float64. A broken model's NaN is returned, where `price_one` raises ValueError.
        """
        import pandas as pd  # only here: the service prices without data frames

        from vehicle_price.features.frame import encode_frame

        low, price, high = self._prices(encode_frame(self.tables, frame)).T
        return pd.DataFrame({"price": price, "low": low, "high": high}, index=frame.index)

    def _warnings(self, listing: Mapping[str, object], encoded: EncodedListing) -> tuple[str, ...]:
        """Why the price of this listing is less certain than others."""
        warnings = self._unknown_levels(listing) if encoded.unknown_level else []
        if listing.get("condition") in self.tables.guessed:
            between = "priced between the conditions next to it"
            warnings.append(unknown_value("condition", listing["condition"], between))
        warnings = self._range_warnings(listing) + warnings
        return (*encoded.car.warnings, *warnings) if warnings else encoded.car.warnings

    def _unknown_levels(self, listing: Mapping[str, object]) -> list[str]:
        levels = self.tables.levels
        return [
            unknown_value(column, value, "priced as an average one")
            for column in LEVEL_COLUMNS
            if (value := listing.get(column)) and value not in levels[column]
        ]

    def _range_warnings(self, listing: Mapping[str, object]) -> list[str]:
        warnings = []
        for column, (low, high) in self.facts["ranges"].items():
            value = listing[column]
            if not low <= value <= high:
                warnings.append(
                    f"{column}: {value} is outside what the model was trained on ({low} to {high})"
                )
        return warnings

    def _estimate(
        self, listing: Mapping[str, object], encoded: EncodedListing, row: list[float]
    ) -> Estimate:
        low, price, high = row
        if not math.isfinite(low + price + high):
            raise ValueError(f"the model answered {row}, which is not a number of dollars")
        return Estimate(int(price), int(low), int(high), self._warnings(listing, encoded))

    def _price_row(self, price: float, quantile_1: float, quantile_2: float) -> list[float]:
        """`_prices` of one row: the same arithmetic without a dozen calls of NumPy."""
        if not math.isfinite(price + quantile_1 + quantile_2):
            return [math.nan] * 3
        low = min(min(quantile_1, quantile_2) - self.interval_margin, price)
        high = max(max(quantile_1, quantile_2) + self.interval_margin, price)
        return np.rint(np.exp([low, price, high])).tolist()

    def _prices(self, inputs: np.ndarray) -> np.ndarray:
        """float64 (rows, 3): low, price, high in whole dollars, low <= price <= high."""
        price, quantile_1, quantile_2 = self.scorer.score(inputs).astype(float).T
        low = np.minimum(quantile_1, quantile_2) - self.interval_margin  # a few quantiles cross
        high = np.maximum(quantile_1, quantile_2) + self.interval_margin
        logs = np.column_stack([np.minimum(low, price), price, np.maximum(high, price)])
        return np.rint(np.exp(logs))


@dataclass(frozen=True)
class FittedValuation(Valuation):
    """A valuation just fitted, with the boosters that its scorer was made from.

    trees: of the scorer, for the artifact. price_booster: log price. interval_booster: two
    quantiles of log price.
    """

    trees: "Trees"
    price_booster: "xgb.Booster"
    interval_booster: "xgb.Booster"
