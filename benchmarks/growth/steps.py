"""What is measured: reading, training input and scoring, with any engine.

Each step returns the listings that it has handled and a hash of its result, which is the same for
every engine.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from benchmarks.growth.engines import Engine
from vehicle_price.features.definitions import FEATURE_NAMES, LEVEL_COLUMNS
from vehicle_price.features.frame import car_frame
from vehicle_price.model import artifact
from vehicle_price.model.valuation import FittedValuation
from vehicle_price.pipelines import by_day
from vehicle_price.storage.dataset import DatasetDay, dataset_days, read_day
from vehicle_price.training.fit import FOLDS, fit
from vehicle_price.training.target_encoding import encode_fold, encode_out_of_fold

FAMILY, SEED, THREADS = "xgboost", 0, 2
# What the encoder reads: the workers need no other column.
ENCODED = ["price", "year", "odometer", "manufacturer", "model", "posting_day", *LEVEL_COLUMNS]


class Outcome(NamedTuple):
    """rows: of the result. digest: a hash of it."""

    rows: int
    digest: str


def read(uri: str, engine: Engine, folder: Path) -> Outcome:
    """Read and verify every day, and add up the prices, so that every row is used."""
    del folder
    totals = list(engine.map(total_of_day, dataset_days(uri)))
    rows, dollars = map(sum, zip(*totals, strict=True))
    return Outcome(rows, str(dollars))


def total_of_day(day: DatasetDay) -> tuple[int, int]:
    """Rows of a day, and the sum of their prices."""
    listings = read_day(day)
    return len(listings), pc.sum(listings["price"]).as_py()


def training_input(uri: str, engine: Engine, folder: Path) -> Outcome:
    """The matrix that a model of all cars is fitted on: cars once, encoded out of fold."""
    cars = by_day.first_cars(dataset_days(uri), engine.map)
    fold = np.random.default_rng(SEED).integers(0, FOLDS, len(cars))
    if engine.map is map:
        inputs = encode_out_of_fold(cars, fold, _base_year(cars))
    else:
        # Each worker needs all cars; a file reaches it quicker than a message.
        cars[ENCODED].to_feather(folder / "cars.feather", compression="uncompressed")
        del cars
        inputs = np.empty((len(fold), len(FEATURE_NAMES)), np.float32)
        encode = partial(encode_fold_of_file, str(folder / "cars.feather"))
        for number, rows in enumerate(engine.map(encode, range(FOLDS))):
            inputs[fold == number] = rows
    return Outcome(len(inputs), hashlib.sha256(inputs.data).hexdigest())


def encode_fold_of_file(path: str, number: int) -> np.ndarray:
    """The inputs of one fold of the cars in a file."""
    cars, keys = _cars_and_keys(path)
    fold = np.random.default_rng(SEED).integers(0, FOLDS, len(cars))
    return encode_fold(cars, keys, fold == number, _base_year(cars))


@lru_cache(maxsize=1)
def _cars_and_keys(path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Once for all folds that a worker encodes."""
    cars = pd.read_feather(path)
    return cars, car_frame(cars)


def _base_year(cars: pd.DataFrame) -> int:
    return int(cars["posting_day"].max()[:4])


def score(uri: str, engine: Engine, folder: Path) -> Outcome:
    """Price every listing with the model in `folder`, and write the prices of each day."""
    (folder / "prices").mkdir(exist_ok=True)
    return combined(engine.map(partial(score_day, str(folder)), dataset_days(uri)))


def score_day(folder: str, day: DatasetDay) -> Outcome:
    """Write the prices of a day; their hash."""
    prices = by_day.price_day(by_day.saved_model(f"{folder}/model"), day)
    prices.to_parquet(f"{folder}/prices/{day.file.day}.parquet")
    content = (
        "\n".join(prices["id"]).encode() + prices[["price", "low", "high"]].to_numpy().tobytes()
    )
    return Outcome(len(prices), hashlib.sha256(content).hexdigest())


def combined(outcomes: Iterable[Outcome]) -> Outcome:
    """All rows, and a hash of the hashes, whose order counts."""
    rows, digests = zip(*outcomes, strict=True)
    return Outcome(sum(rows), hashlib.sha256("".join(digests).encode()).hexdigest())


def fit_model(uri: str, folder: Path) -> None:
    """Fit the family that serves, with its usual parameters, and save it for `score`."""
    cars = by_day.first_cars(dataset_days(uri))
    model: FittedValuation = fit(cars, FAMILY, SEED, THREADS)
    artifact.save(model, folder / "model")


STEPS = {"reading": read, "training input": training_input, "scoring": score}
