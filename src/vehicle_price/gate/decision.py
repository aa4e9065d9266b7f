"""The promotion gate: which model goes to production, and why.

It measures every model itself, on the same cars, in the same run: the twins of the versions, which
were fitted without the test days. The refits serve (`refit_checks.py`). Of logged metrics only
those of production are used, to see whether the listings are still what it was made for
(`listing_checks.py`). A car that any of the twins was fitted on is left out. The best challenger is
chosen on one half of the regions and days and checked on the other: on the same cars, the best of
several looks better than it is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.evaluation.baseline import baseline_prices
from vehicle_price.evaluation.metrics import coverage, metrics
from vehicle_price.features.deduplication import car_hashes, is_seen
from vehicle_price.gate.checks import all_checks, gain_bounds
from vehicle_price.gate.comparison import Check, Compared
from vehicle_price.gate.refit_checks import refit_checks
from vehicle_price.gate.segment_checks import segment_table
from vehicle_price.model.valuation import Valuation

MIN_CARS = 200  # that no model was fitted on; half of them choose, half of them confirm
MIN_HALF = 0.4  # of the cars in the smaller half
PRODUCTION, BASELINE = "production", "baseline"  # names in `Decision.measured`, beside versions
BY_HAND = (
    "a person can decide: the DAG promote_version, or `vehicle-price promote <version> "
    "--reason <why>`"
)


class Challenger(NamedTuple):
    """A version that challenges production: one recipe, fitted twice.

    twin: without the test days; it is measured. refit: on every car; it serves.
    """

    twin: Valuation
    refit: Valuation


@dataclass(frozen=True)
class Decision:
    """What the gate decided.

    promoted: whether `version`, the best challenger, becomes the production model.
    harmless: whether it passed every check of safety, so that it may challenge production.
    reasons: sentences. cars: number of cars that all were measured on. measured: name → metrics on
    these cars, of all challengers, of 'production' and 'baseline'. gain: over the rival, on the
    cars that confirm; mean, low and high in US dollars a car (`checks.gain_bounds`). segments: of
    the same cars (`segment_checks.segment_table`). rival: production or baseline; "" where nothing
    was compared.
    """

    promoted: bool
    harmless: bool
    version: str
    reasons: list[str]
    cars: int
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    gain: dict[str, float] = field(default_factory=dict)
    segments: list[dict[str, object]] = field(default_factory=list)
    rival: str = ""

    def noting(self, note: str) -> "Decision":
        """The same decision with one more sentence among its reasons."""
        return replace(self, reasons=[*self.reasons, note])

    def refused_for(self, reason: str) -> "Decision":
        """The decision not to promote, for one more reason of safety."""
        refused = replace(self, promoted=False, harmless=False)
        return refused.noting(f"refused: {reason}")

    def as_dict(self) -> dict:
        """The decision as a JSON-able dict; numbers that are not finite become None."""
        return _finite_or_none(asdict(self))


def decide(
    challengers: Mapping[str, Challenger],
    production: Valuation | None,
    train: pd.DataFrame,
    test: pd.DataFrame,
    price_shift: float = 0.0,
) -> Decision:
    """Choose the best of `challengers` (by version) and compare it with the production model.

    train: cars for the baseline, test: held-out cars; both accepted listings, one row a car.
    production: its twin; None to compare with the baseline. price_shift: as in `Compared`. Without
    challengers, and where a model that is compared has no finite MAE, nothing is promoted.
    """
    if not challengers:
        return refusal("", "there is no challenger to measure")
    models = {number: challenger.twin for number, challenger in challengers.items()}
    models |= {PRODUCTION: production} if production else {}
    cars = unseen_cars(test, models)
    if len(cars) < MIN_CARS:
        return refusal(next(iter(challengers)), _too_few(len(cars), len(test)), len(cars))
    prices = {name: model.price_frame(cars) for name, model in models.items()}
    prices[BASELINE] = pd.DataFrame({"price": baseline_prices(train, cars)})
    measured = {name: _measure(cars, of_model) for name, of_model in prices.items()}
    chooses = first_half(cars)
    best = min(challengers, key=lambda name: _mae_or_worst(cars[chooses], prices[name][chooses]))
    rival = PRODUCTION if production else BASELINE
    outcome = {"version": best, "cars": len(cars), "measured": measured, "rival": rival}
    if not_finite := _not_finite(best, rival, measured):
        return _decision([not_finite], **outcome)
    compared = Compared(
        cars=cars[~chooses].reset_index(drop=True),
        prices=prices[best][~chooses].reset_index(drop=True),
        rival_prices=prices[rival][~chooses].reset_index(drop=True),
        baseline=prices[BASELINE]["price"].to_numpy()[~chooses],
        version=best,
        rival=rival,
        rival_facts=production.facts if production else None,
        price_shift=price_shift,
    )
    return _decision(
        _checks(compared, challengers[best]),
        gain=gain_bounds(compared),
        segments=segment_table(compared),
        **outcome,
    )


def _checks(compared: Compared, challenger: Challenger) -> list[Check]:
    prices_of_refit = challenger.refit.price_frame
    of_refit = refit_checks(compared, prices_of_refit(compared.cars))
    return [*all_checks(compared, prices_of_refit), *of_refit]


def _decision(checks: Sequence[Check], **outcome: Any) -> Decision:
    return Decision(
        promoted=all(check.passed for check in checks),
        harmless=all(check.passed for check in checks if check.safety),
        reasons=[f"{'ok' if check.passed else 'refused'}: {check.text}" for check in checks],
        **outcome,
    )


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite_or_none(member) for name, member in value.items()}
    return [_finite_or_none(member) for member in value] if isinstance(value, list) else value


def refusal(version: str, reason: str, cars: int = 0) -> Decision:
    """The decision not to promote `version`, which could not be measured."""
    return Decision(False, False, version, [f"refused: {reason}"], cars)


def unseen_cars(test: pd.DataFrame, models: Mapping[str, Valuation]) -> pd.DataFrame:
    """The rows of `test` that were posted after the last day of all `models`, and whose car none of
    them was fitted on."""
    seen_cars = np.concatenate([model.seen_cars for model in models.values()])
    last_day = max(model.facts["last_day"] for model in models.values())
    later = (test["posting_day"] > last_day).to_numpy()
    return test[later & ~is_seen(test, seen_cars)].reset_index(drop=True)


def _measure(cars: pd.DataFrame, prices: pd.DataFrame) -> dict[str, float]:
    actual = cars["price"].to_numpy(float)
    interval = {"coverage": coverage(actual, prices)} if "low" in prices else {}
    return metrics(actual, prices["price"].to_numpy()) | interval


def first_half(cars: pd.DataFrame) -> np.ndarray:
    """bool (rows,): the half that chooses, always the same.

    By a hash of region and day, whose cars stay together: luck with them must not both choose and
    confirm. Where few regions and days leave one side less than MIN_HALF, by a hash of the car.
    """
    together = cars[["region", "posting_day"]].astype(str)
    by_region_and_day = pd.util.hash_pandas_object(together, index=False).to_numpy() % 2 == 0
    if MIN_HALF <= by_region_and_day.mean() <= 1 - MIN_HALF:
        return by_region_and_day
    return car_hashes(cars)[:, 0] % np.uint64(2) == 0


def _not_finite(best: str, rival: str, measured: Mapping[str, dict[str, float]]) -> Check | None:
    """The check that fails when a figure is not a number; None when all of them are."""
    if broken := _not_numbers(measured[best]):
        return Check(False, f"version {best}: {', '.join(broken)} is not a number", True)
    if _not_numbers(measured[rival]):
        text = f"{rival}'s MAE is not a number, so nothing can be compared with it; {BY_HAND}"
        return Check(False, text, True)
    return None


def _not_numbers(values: Mapping[str, float]) -> list[str]:
    return [name for name, value in values.items() if not math.isfinite(value)]


def _mae_or_worst(cars: pd.DataFrame, prices: pd.DataFrame) -> float:
    mae = float((prices["price"] - cars["price"]).abs().mean())
    return mae if math.isfinite(mae) else math.inf


def _too_few(unseen: int, held_out: int) -> str:
    return (
        f"only {unseen:,} of {held_out:,} held-out cars are later than what any model compared was "
        f"trained on; at least {MIN_CARS} are needed. Ingest newer listings and train again"
    )
