"""What the level of the last days does (`training/market_level.py`), as two tables.

python -m benchmarks.price_shock DATA [--share 0.5]

Quiet days: models of the days up to each of several days; the level should be 0. A jump of all
prices from a day on: prices of the day after the training, by the model of the days before the
jump, by one of all days, and by the same one with its level.
"""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.features.deduplication import first_postings
from vehicle_price.model.valuation import Valuation
from vehicle_price.pipelines import ingestion
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.fit import fit

FAMILY, SEED = "xgboost", 20
QUIET_FROM, JUMP_DAY = 8, 16  # numbers of days, from 0
# Size of the jump, and days between its first day and the training.
JUMPS = ((0.25, 1), (0.25, 2), (0.25, 4), (0.1, 2), (-0.2, 2))


class Errors(NamedTuple):
    """bias: median of log(asked / price). median_ape: of the asked price."""

    bias: float
    median_ape: float


def main() -> int:
    """Print the tables; 1 if a quiet day had a level."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.price_shock", description=__doc__)
    parser.add_argument("data", help="CSV, zip, gzip or Parquet file with at least 20 days")
    parser.add_argument("--share", type=float, default=0.5, help="of the cars, for less time")
    options = parser.parse_args()
    # The tables are this command's result and go to stdout; warnings go to the log, on stderr.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    cars = _cars(options.data, options.share)
    print(f"{len(cars):,} cars on {cars['day'].max() + 1} days\n", flush=True)
    false = _quiet(cars)
    _jumps(cars)
    return int(false > 0)


def _cars(data: str, share: float) -> pd.DataFrame:
    """The first posting of each car; day: number of its posting day, from 0."""
    settings = Settings.from_environment()
    folder = str(Path(settings.local_dir) / "price_shock")
    own_folder = replace(settings, data_root=folder, local_dir=folder)
    Path(folder).mkdir(parents=True, exist_ok=True)
    dataset = ingestion.ingest(own_folder, "file", data, 0, SEED)
    cars = first_postings(read_listings(dataset["uri"])).sample(frac=share, random_state=SEED)
    cars = cars.sort_index().reset_index(drop=True)
    return cars.assign(day=np.unique(cars["posting_day"], return_inverse=True)[1])


def _fit(cars: pd.DataFrame, **parameters: int) -> Valuation:
    return fit(cars.reset_index(drop=True), FAMILY, SEED, 2, parameters)


def _quiet(cars: pd.DataFrame) -> int:
    """Print how often quiet days have a level; their number."""
    last_days = range(QUIET_FROM, int(cars["day"].max()) + 1)
    # The interval's model finds the level, so few rounds of the price's model will do.
    levels = [_fit(cars[cars["day"] <= day], rounds=20).facts["price_level"] for day in last_days]
    raised = [f"{level:+.3f}" for level in levels if level]
    print(
        f"Quiet days: {len(raised)} of {len(levels)} trainings have a level. {' '.join(raised)}\n",
        flush=True,
    )
    return len(raised)


def _jumps(cars: pd.DataFrame) -> None:
    old = _fit(cars[cars["day"] < JUMP_DAY])
    quiet = _errors(old, cars[cars["day"] == JUMP_DAY])
    print(f"Before a jump: bias {quiet.bias:+.3f}, median APE {quiet.median_ape:.3f}\n")
    print(
        "| jump | days | old model | all days | with level | level |\n|--:|--:|--:|--:|--:|--:|",
        flush=True,
    )
    for jump, days in JUMPS:
        dear = cars["day"] >= JUMP_DAY
        shocked = cars.assign(price=cars["price"].where(~dear, (cars["price"] * (1 + jump))))
        model = _fit(shocked[shocked["day"] < JUMP_DAY + days])
        level, later = model.facts["price_level"], shocked[shocked["day"] == JUMP_DAY + days]
        columns = (
            _errors(old, later),
            _errors(model, later, np.exp(-level)),  # raised by one number: without it, lower by it
            _errors(model, later),
        )
        figures = " | ".join(f"{e.bias:+.3f} ({e.median_ape:.3f})" for e in columns)
        print(f"| {jump:+.0%} | {days} | {figures} | {level:+.3f} |", flush=True)
    print("\nBias, and median APE in brackets, on the day after the training.")


def _errors(model: Valuation, cars: pd.DataFrame, factor: float = 1.0) -> Errors:
    price = factor * model.price_frame(cars)["price"].to_numpy()
    asked = cars["price"].to_numpy(float)
    bias, ape = np.median(np.log(asked / price)), np.median(np.abs(price / asked - 1))
    return Errors(float(bias), float(ape))


if __name__ == "__main__":
    sys.exit(main())
