"""Real cars as requests to the service, with answers of a stand-in model; also with changed inputs.

The stand-in: each half of the cars is priced by an XGBoost model with ROUNDS rounds that was fitted
on the other half, so that no car is priced by a model that knows it and every day can be a day of
the reference. Its answers, warnings included, are those of `Valuation.price_many`. For feedback
there is a model of the first days only, whose prices of later days age as they do in production.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import vehicle_price
from vehicle_price.contract.suspicions import KM_PER_MILE
from vehicle_price.features.deduplication import first_postings
from vehicle_price.model.valuation import Valuation
from vehicle_price.pipelines import ingestion
from vehicle_price.schema import FEATURES
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.fit import fit

log = logging.getLogger(__name__)

ROUNDS = {"rounds": 300, "learning_rate": 0.08, "max_depth": 8}
EARLY_DAYS = 8  # the model of the feedback table is fitted on
MIN_DAY_CARS = 1_000  # a day with fewer is left out: the last one is cut off
PACKAGE, ROOMS = Path(vehicle_price.__file__).parent, ("features", "model", "training")
NAMES = [column.name for column in FEATURES]

Change = Callable[[pd.DataFrame], pd.DataFrame]


def in_kilometres(cars: pd.DataFrame) -> pd.DataFrame:
    """The odometer in kilometres, in the column of miles."""
    return cars.assign(odometer=np.rint(cars["odometer"] * KM_PER_MILE).clip(upper=500_000))


def without_condition(cars: pd.DataFrame) -> pd.DataFrame:
    """The condition left blank."""
    return cars.assign(condition=None)


CHANGES: dict[str, Change] = {
    "quiet": lambda cars: cars,
    "km": in_kilometres,
    "no condition": without_condition,
}


class Cars(NamedTuple):
    """requests: change of CHANGES → requests with answers, in listing order. asked: US dollars.
    day: 'YYYY-MM-DD'. early: price, low, high of the model of the first days. Each (rows,)."""

    requests: dict[str, pd.DataFrame]
    asked: np.ndarray
    day: np.ndarray
    early: pd.DataFrame


def load(settings: Settings, data: str) -> Cars:
    """The first posting of each car in `data`, priced; answers stay in `settings.data_root`."""
    dataset = ingestion.ingest(settings, "file", data, settings.sample_rows, settings.seed)
    listings = first_postings(read_listings(dataset["uri"]))
    sizes = listings["posting_day"].value_counts()
    full = listings["posting_day"].map(sizes) >= MIN_DAY_CARS
    cars = listings[full].sort_values(["posting_day", "id"]).reset_index(drop=True)
    folder = Path(settings.data_root) / f"answers-{dataset['sha256'][:12]}-{_code_hash()}"
    if not folder.exists():
        _price_all(cars, folder, settings.train_threads)
    day = cars["posting_day"].to_numpy()
    requests = {
        name: _requests(change(cars), pd.read_parquet(folder / f"{name}.parquet"))
        for name, change in CHANGES.items()
    }
    return Cars(requests, cars["price"].to_numpy(float), day, pd.read_parquet(folder / "early"))


def _requests(cars: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Requests without callers: in these tables each is an independent caller's."""
    return cars[NAMES].join(answers).assign(created_at=pd.to_datetime(cars["posting_day"]))


def _price_all(cars: pd.DataFrame, folder: Path, threads: int) -> None:
    half = np.random.default_rng(0).integers(0, 2, len(cars))
    models = [_fitted(cars[half != side], side, threads) for side in (0, 1)]
    unfinished = folder.with_suffix(".unfinished")
    unfinished.mkdir(exist_ok=True)
    for name, change in CHANGES.items():
        log.info("pricing %d requests: %s", len(cars), name)
        _answers(models, half, change(cars)).to_parquet(unfinished / f"{name}.parquet")
    first = sorted(cars["posting_day"].unique())[:EARLY_DAYS]
    early = _fitted(cars[cars["posting_day"].isin(first)], 2, threads)
    early.price_frame(cars).to_parquet(unfinished / "early")
    unfinished.rename(folder)


def _fitted(cars: pd.DataFrame, seed: int, threads: int) -> Valuation:
    log.info("fitting on %d cars", len(cars))
    return fit(cars.reset_index(drop=True), "xgboost", seed, threads, ROUNDS)


def _answers(models: list[Valuation], half: np.ndarray, cars: pd.DataFrame) -> pd.DataFrame:
    """Columns price, low, high, warnings."""
    answers = [
        pd.DataFrame(model.price_many(cars.loc[half == side, NAMES].to_dict("records")))
        .set_axis(["price", "low", "high", "warnings"], axis=1)
        .set_index(np.flatnonzero(half == side))
        for side, model in enumerate(models)
    ]
    return pd.concat(answers).sort_index()


def _code_hash() -> str:
    """Of the rooms that a model's answers come from, and of this file."""
    files = sorted(file for room in ROOMS for file in (PACKAGE / room).glob("*.py"))
    code = b"".join(file.read_bytes() for file in [*files, Path(__file__)])
    return hashlib.sha256(code).hexdigest()[:12]
