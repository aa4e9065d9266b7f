"""The promotion gate: which model goes to production, and why.

It measures every model itself, on the same cars, in the same run; logged metrics are not used. A
car that any of the models was fitted on is left out.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from vehicle_price.evaluation.baseline import baseline_prices
from vehicle_price.evaluation.metrics import coverage, metrics
from vehicle_price.features.deduplication import is_seen
from vehicle_price.model.valuation import Valuation

# A challenger's MAE must be lower by this share of production's: another month of listings changes
# the MAE by as much, so a smaller gain is not worth a change.
MARGIN = 0.01
MIN_CARS = 200
BOOTSTRAPS = 1000
CONFIDENCE = 0.95
MIN_COVERAGE = 0.8  # of the 90 % interval
PRODUCTION, BASELINE = "production", "baseline"  # names in `Decision.measured`, beside versions


@dataclass(frozen=True)
class Decision:
    """What the gate decided.

    promoted: whether `version`, the best challenger, becomes the production model.
    reasons: sentences. measured: name → metrics, of all challengers, of 'production' and
    'baseline'. cars: number of cars that all were measured on.
    """

    promoted: bool
    version: str
    reasons: list[str]
    cars: int
    measured: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """The decision as a JSON-able dict; metrics that are not finite become None."""
        plain = asdict(self)
        plain["measured"] = {
            name: {k: v if math.isfinite(v) else None for k, v in values.items()}
            for name, values in self.measured.items()
        }
        return plain


def decide(
    challengers: Mapping[str, Valuation],
    production: Valuation | None,
    train: pd.DataFrame,
    test: pd.DataFrame,
) -> Decision:
    """Choose the best of `challengers` (by version) and compare it with the production model.

    train: cars for the baseline, test: held-out cars; both accepted listings, one row a car.
    The baseline is the rival when there is no production model, or when its MAE is not a number.
    Without challengers nothing is promoted.
    """
    if not challengers:
        return Decision(False, "", ["refused: there is no challenger to measure"], 0)
    models = dict(challengers) | ({PRODUCTION: production} if production else {})
    cars = unseen_cars(test, models)
    if len(cars) < MIN_CARS:
        reasons = [_too_few(len(cars), len(test))]
        return Decision(False, next(iter(challengers)), reasons, len(cars))
    actual = cars["price"].to_numpy(float)
    prices = {name: model.price_frame(cars) for name, model in models.items()}
    measured = {
        name: metrics(actual, p["price"].to_numpy()) | {"coverage": coverage(actual, p)}
        for name, p in prices.items()
    }
    # A production model without a finite MAE cannot be compared, and has to be replaced.
    comparable = production is not None and math.isfinite(measured[PRODUCTION]["mae"])
    if not comparable:
        prices[BASELINE] = pd.DataFrame({"price": baseline_prices(train, cars)})
        measured[BASELINE] = metrics(actual, prices[BASELINE]["price"].to_numpy())
    best = min(challengers, key=lambda version: _mae_or_worst(measured[version]))
    rival = PRODUCTION if comparable else BASELINE
    gain = np.abs(actual - prices[rival]["price"]) - np.abs(actual - prices[best]["price"])
    promoted, reasons = _compare(best, measured, rival, gain.to_numpy())
    if production is not None and not comparable:
        reasons.insert(0, "production's MAE is not a number; judged against the baseline instead")
    return Decision(promoted, best, reasons, len(cars), measured)


def unseen_cars(test: pd.DataFrame, models: Mapping[str, Valuation]) -> pd.DataFrame:
    """The rows of `test` whose car none of `models` was fitted on."""
    seen_cars = np.concatenate([model.seen_cars for model in models.values()])
    return test[~is_seen(test, seen_cars)].reset_index(drop=True)


def _compare(
    best: str, measured: dict[str, dict[str, float]], rival: str, gain: np.ndarray
) -> tuple[bool, list[str]]:
    best_metrics, rival_mae = measured[best], measured[rival]["mae"]
    broken = [name for name, value in best_metrics.items() if not math.isfinite(value)]
    if broken:
        return False, [f"version {best}: {', '.join(broken)} is not a number"]
    max_mae = rival_mae * (1 - MARGIN)
    min_gain = _lower_bound(gain)
    checks = [
        (
            best_metrics["mae"] <= max_mae,
            f"MAE {best_metrics['mae']:,.0f} USD of version {best} against {rival_mae:,.0f} of "
            f"{rival}; at most {max_mae:,.0f} needed ({MARGIN:.0%} better)",
        ),
        (
            min_gain > 0,
            f"gain over {rival} of {gain.mean():,.0f} USD a car, at least "
            f"{min_gain:,.0f} with {CONFIDENCE:.0%} confidence; more than 0 needed",
        ),
        (
            best_metrics["coverage"] >= MIN_COVERAGE,
            f"the interval holds {best_metrics['coverage']:.1%} of prices; "
            f"{MIN_COVERAGE:.0%} needed",
        ),
    ]
    reasons = [f"{'ok' if ok else 'refused'}: {reason}" for ok, reason in checks]
    return all(ok for ok, _ in checks), reasons


def _lower_bound(gain: np.ndarray) -> float:
    """Lower confidence bound of the mean (bootstrap, one-sided, percentile method)."""
    # Poisson weights approximate drawing with replacement; the seed makes the gate repeatable.
    random = np.random.default_rng(0)
    means = [np.average(gain, weights=random.poisson(1.0, len(gain))) for _ in range(BOOTSTRAPS)]
    return float(np.quantile(means, 1 - CONFIDENCE))


def _mae_or_worst(measured: dict[str, float]) -> float:
    return measured["mae"] if math.isfinite(measured["mae"]) else math.inf


def _too_few(unseen: int, held_out: int) -> str:
    return (
        f"refused: only {unseen:,} of {held_out:,} held-out cars were not trained on by any model "
        f"compared; at least {MIN_CARS} are needed. Ingest newer listings and train again"
    )
