"""How often the automatic decisions are wrong: the promotion gate and the canary, as tables.

python -m benchmarks.decisions [DATA] [--only gate|canary]

TRAININGS recipes are fitted on the listings of DATA, or on the built-in sample; their prices of
the test cars stay in .local/decisions for the next time. The gate decides on resampled test cars
(`harness/gate_simulation.py`), the canary's rule on drawn reports (`harness/canary_simulation.py`).
"""

import argparse
import logging
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.harness.canary_simulation import ended_after
from benchmarks.harness.gate_simulation import Outcome, Simulation
from benchmarks.harness.trainings import Trainings, train_all
from vehicle_price.settings import Settings

TRAININGS = 20
EQUALS, BETTER = 500, 100  # simulated decisions: on equal models, and for each gain
GAINS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08)  # shares of production's MAE
FALSE, POWER = 0.01, 0.95  # promised: at most, at least
CANARIES, SOON = 400, 300
FACTORS = (1.0, 1.05, 1.1, 1.2, 0.8)


def main() -> int:
    """Print the tables; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("data", nargs="?", default="", help="CSV, zip, gzip or Parquet file")
    parser.add_argument("--only", choices=("gate", "canary"), help="one of the two tables")
    options = parser.parse_args()
    # The tables are this command's result and go to stdout; progress goes to the log, on stderr.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    settings = Settings.from_environment()
    folder = Path(settings.local_dir) / "decisions"
    folder.mkdir(parents=True, exist_ok=True)
    own_folder = replace(settings, data_root=str(folder), local_dir=str(folder))
    source = "file" if options.data else "sample"
    trainings = train_all(own_folder, source, options.data, TRAININGS)
    kept = True
    if options.only != "canary":
        kept &= _gate(Simulation(trainings.cars, list(trainings.prices.values())))
    if options.only != "gate":
        kept &= _canary(trainings)
    return int(not kept)


def _gate(simulation: Simulation) -> bool:
    """Print the gate's table; whether equal challengers are promoted as rarely as promised."""
    maes = [simulation.mae(prices) for prices in simulation.prices]
    print(
        f"{len(maes)} trainings, MAE {min(maes):,.0f} to {max(maes):,.0f} USD on all test cars.\n"
    )
    print("| the challenger's gain | decisions | promoted | not harmless |\n|---|--:|--:|--:|")
    gains = [gain for gain in GAINS if gain <= simulation.largest_gain()]
    with ProcessPoolExecutor() as pool:
        name = "none: two as good as production"
        false = _print_row(pool, name, simulation.as_good_as_production, EQUALS)
        powers = []
        for gain in gains:
            name = f"{gain:.1%} of production's MAE"
            powers.append(_print_row(pool, name, partial(simulation.better_by, gain), BETTER))
    smallest = next(
        (gain for gain, power in zip(gains, powers, strict=True) if power >= POWER), None
    )
    found = f"{smallest:.1%}" if smallest else "none"
    print(f"\nThe smallest of these gains that is promoted in {POWER:.0%}: {found}.")
    print(f"Wanted: at most {FALSE:.0%} of equal challengers promoted.\n", flush=True)
    return false <= FALSE


def _print_row(pool: Executor, name: str, decide: Callable[[int], Outcome], count: int) -> float:
    """Print a row of the gate's table; the share that was promoted."""
    outcomes = list(pool.map(decide, range(count), chunksize=25))
    promoted = float(np.mean([outcome.promoted for outcome in outcomes]))
    harmful = float(np.mean([not outcome.harmless for outcome in outcomes]))
    print(f"| {name} | {count} | {promoted:.1%} | {harmful:.1%} |", flush=True)
    return promoted


def _canary(trainings: Trainings) -> bool:
    """Print the canary's table; whether the promises are kept."""
    prices = next(iter(trainings.prices.values()))["price"].to_numpy()
    ratios = prices / trainings.cars.test["price"].to_numpy()
    print("| the canary's prices | ended within 300 reports | within 2,000 |\n|---|--:|--:|")
    kept = True
    for factor in FACTORS:
        ended = np.array([ended_after(ratios, factor, seed) for seed in range(CANARIES)])
        soon, ever = (ended <= SOON).mean(), np.isfinite(ended).mean()
        name = "those of production" if factor == 1 else f"{factor - 1:+.0%}"
        print(f"| {name} | {soon:.1%} | {ever:.1%} |", flush=True)
        if factor == 1:
            kept &= bool(ever <= FALSE)
        if abs(factor - 1) > 0.15:
            kept &= bool(soon >= POWER)
    print(f"\nWanted: at most {FALSE:.0%} of those like production, ever;", end=" ")
    print(f"{POWER:.0%} of those 20 % off within {SOON} reports.")
    return kept


if __name__ == "__main__":
    sys.exit(main())
