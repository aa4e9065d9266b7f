"""The promotion gate's decisions on resampled test cars, with prices of many trainings.

Regions and days are drawn with replacement, as the gate's own bounds assume; each draw of one
counts as a region of its own. The gate sees the stored prices of the drawn cars. So the true gain
of a challenger is known: it is the gain on all test cars.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.gate.bootstrap import clusters_of
from vehicle_price.gate.decision import Challenger, Decision, decide
from vehicle_price.training.split import Split

PRICES = ["price", "low", "high"]


class StoredModel:
    """A model that knows its prices of the test cars: column `row` of a car → prices."""

    def __init__(self, prices: np.ndarray, mae: float) -> None:
        self.prices = prices
        self.seen_cars = np.array([], np.uint64)
        self.facts: Mapping[str, Any] = {"last_day": "", "metrics": {"mae": mae}}

    def price_frame(self, cars: pd.DataFrame) -> pd.DataFrame:
        """The stored prices of `cars`."""
        return pd.DataFrame(self.prices[cars["row"].to_numpy()], cars.index, PRICES)


class Outcome(NamedTuple):
    """One simulated decision."""

    promoted: bool
    harmless: bool


class Simulation:
    """Draws of the test cars, with clusters as the gate's bounds have them."""

    def __init__(self, cars: Split, prices: Sequence[pd.DataFrame]) -> None:
        self.train = cars.train
        self.test = cars.test.assign(row=np.arange(len(cars.test)))
        self.actual = cars.test["price"].to_numpy(float)
        self.prices = [frame[PRICES].to_numpy(float) for frame in prices]
        clusters = clusters_of(cars.test)
        order = np.argsort(clusters, kind="stable")
        self.rows_of = np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1)

    def mae(self, prices: np.ndarray) -> float:
        """On all test cars, US dollars."""
        return float(np.abs(prices[:, 0] - self.actual).mean())

    def as_good_as_production(self, seed: int) -> Outcome:
        """Two challengers that are exactly as good as production: in each drawn region and day,
        chance says which of three models' prices are whose."""
        random = np.random.default_rng(seed)
        cars, drawn = self._draw(random)
        chosen = random.permutation(len(self.prices))[:3]
        stacked = np.stack([self.prices[n][cars["row"]] for n in chosen])
        whose = random.permuted(np.tile(np.arange(3), (drawn.max() + 1, 1)), axis=1)[drawn]
        mixed = [stacked[whose[:, role], np.arange(len(cars))] for role in range(3)]
        mae = float(np.mean([self.mae(self.prices[n]) for n in chosen]))
        return self._decide(cars.assign(row=np.arange(len(cars))), mixed, mae)

    def better_by(self, share: float, seed: int) -> Outcome:
        """A challenger whose MAE is lower by `share` of production's: between the prices of a
        worse model, which is in production, and of a better one. Raises IndexError when no two
        models differ by as much."""
        pairs = [
            (worse, better)
            for worse in self.prices
            for better in self.prices
            if self.mae(better) <= (1 - share) * self.mae(worse)
        ]
        random = np.random.default_rng(seed)
        worse, better = pairs[random.permutation(len(pairs))[0]]
        cars, _ = self._draw(random)
        challenger = self._between(worse, better, share)
        return self._decide(cars, [worse, challenger], self.mae(worse))

    def largest_gain(self) -> float:
        """Of the best model over the worst, as a share of the worst's MAE."""
        maes = [self.mae(prices) for prices in self.prices]
        return 1 - min(maes) / max(maes)

    def _between(self, worse: np.ndarray, better: np.ndarray, share: float) -> np.ndarray:
        """Weighted means of two models' prices whose MAE is lower by `share` than the worse's."""
        low, high, wanted = 0.0, 1.0, (1 - share) * self.mae(worse)
        for _ in range(20):
            middle = (low + high) / 2
            reached = self.mae((1 - middle) * worse + middle * better) <= wanted
            low, high = (low, middle) if reached else (middle, high)
        return (1 - high) * worse + high * better

    def _draw(self, random: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
        """The cars of drawn regions and days, and the number of each car's draw."""
        draws = random.integers(0, len(self.rows_of), len(self.rows_of))
        rows = np.concatenate([self.rows_of[n] for n in draws])
        drawn = np.repeat(np.arange(len(draws)), [len(self.rows_of[n]) for n in draws])
        cars = self.test.iloc[rows].reset_index(drop=True)
        return cars.assign(region=drawn.astype(str)), drawn

    def _decide(self, cars: pd.DataFrame, prices: Sequence[np.ndarray], mae: float) -> Outcome:
        """The gate's decision; production's prices are the first. mae: of production's training."""
        production, *others = (StoredModel(of_model, mae) for of_model in prices)
        challengers = {str(n): Challenger(m, m) for n, m in enumerate(others)}
        decision: Decision = decide(challengers, production, self.train, cars)
        return Outcome(decision.promoted, decision.harmless)
