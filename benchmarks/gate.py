"""What the promotion gate refuses and promotes: the tables in the README.

python -m benchmarks.gate

Sabotaged models challenge a weaker production model, and each must be refused for the right reason
(`unit_tests/helpers/sabotage.py`). Then HONEST better models challenge it: other seeds, more cars,
more rounds; nineteen in twenty must be promoted. Everything is fitted on the built-in sample.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from unit_tests.helpers.sabotage import SABOTAGES, Sabotaged
from vehicle_price.contract.check import check
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.gate.decision import Challenger, Decision, decide
from vehicle_price.model.valuation import Valuation
from vehicle_price.sources.sample.source import generate
from vehicle_price.training.fit import fit
from vehicle_price.training.split import Split, split_by_time

ROWS, SEED, HONEST = 20_000, 20, 20
ROUNDS = (150, 200, 300)


def main() -> int:
    """Print both tables; 1 if a decision is wrong."""
    argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__).parse_args()
    cars = split_by_time(check(generate(ROWS, SEED)).accepted.to_pandas())
    production = _production(cars)
    wrong = 0
    print("| sabotage | refused | reason |\n|---|---|---|")
    for name, refused, reason in _sabotaged(cars, production):
        wrong += not refused
        print(f"| {name} | {'yes' if refused else '**no**'} | {reason} |", flush=True)
    print("\n| honest improvement | promoted | gain a car |\n|---|---|--:|")
    promoted = 0
    for name, decision in _honest(cars, production):
        promoted += decision.promoted
        gain = decision.gain.get("mean", float("nan"))
        print(f"| {name} | {'yes' if decision.promoted else 'no'} | ${gain:,.0f} |", flush=True)
    print(f"\n{promoted} of {HONEST} honest improvements were promoted; 19 are wanted.")
    return int(wrong > 0 or promoted < 0.95 * HONEST)


def _production(cars: Split) -> Valuation:
    """Fitted on half of the cars in a few rounds, with the figures of its training run."""
    some = cars.train.sample(frac=0.5, random_state=1).sort_index().reset_index(drop=True)
    weak = fit(some, "xgboost", 1, 1, {"rounds": 60})
    prices = weak.price_frame(cars.test)["price"].to_numpy()
    measured = metrics(cars.test["price"].to_numpy(), prices)
    return replace(weak, facts=weak.facts | {"metrics": measured})


def _sabotaged(cars: Split, production: Valuation) -> Iterator[tuple[str, bool, str]]:
    """Name, whether it was refused for the right reason, and that reason."""
    twin, refit = (
        fit(some, "xgboost", SEED, 1, {"rounds": ROUNDS[-1]})
        for some in (cars.train, cars.all_cars)
    )
    for sabotage in SABOTAGES:
        change = sabotage.change
        challenger = Challenger(Sabotaged(twin, change), Sabotaged(refit, change))
        with np.errstate(all="ignore"):
            decision = decide({"2": challenger}, production, cars.train, cars.test)
        refused = [r.removeprefix("refused: ") for r in decision.reasons if not r.startswith("ok")]
        right = [reason for reason in refused if sabotage.reason in reason]
        yield sabotage.name, bool(right) and not decision.promoted, (right or refused or [""])[0]


def _honest(cars: Split, production: Valuation) -> Iterator[tuple[str, Decision]]:
    random = np.random.default_rng(0)
    for number in range(HONEST):
        share, rounds = random.uniform(0.75, 1.0), int(random.choice(ROUNDS))
        some: pd.DataFrame = cars.train.sample(frac=share, random_state=number).sort_index()
        twin, refit = (
            fit(learnt.reset_index(drop=True), "xgboost", number, 1, {"rounds": rounds})
            for learnt in (some, pd.concat([some, cars.test]))
        )
        name = f"seed {number}, {share:.0%} of the cars, {rounds} rounds"
        yield name, decide({"2": Challenger(twin, refit)}, production, cars.train, cars.test)


if __name__ == "__main__":
    sys.exit(main())
