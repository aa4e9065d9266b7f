"""Shared by the benchmarks of the service: the listings to price, rows of the table, timing."""

import statistics
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from service.json_files import read_json
from vehicle_price.contract.check import check
from vehicle_price.schema import FEATURES
from vehicle_price.settings import Settings
from vehicle_price.sources.sample.source import generate

LIST = 1_000  # listings in a request
BATCH = 20_000  # rows of a file


class Comparison(NamedTuple):
    """One row of the table: a measurement, the floor it is compared with, and the target ratio."""

    name: str
    measured: str
    floor: str
    ratio: float
    target: str

    def __str__(self) -> str:
        return (
            f"| {self.name} | {self.measured} | {self.floor} | {self.ratio:.2f} | {self.target} |"
        )


class Inputs(NamedTuple):
    """The listings to price: as JSON values, as files, and as the booster's matrix."""

    listings: list[dict[str, object]]
    csv: bytes
    parquet: bytes
    matrix: np.ndarray


def production_artifact() -> Path:
    """The folder of the model in MODEL_DIR. Exits with a message when there is none."""
    model_dir = Path(Settings.from_environment().model_dir)
    current = read_json(model_dir / "current.json")
    if not current:
        raise SystemExit(f"no model in {model_dir}: run `make build` first, or name an artifact")
    return model_dir / current["folder"]


def sample_cars(rows: int) -> pd.DataFrame:
    """Accepted listings of the sample, with the model's columns. rows: before the contract."""
    accepted = check(generate(rows, 5)).accepted.to_pandas()
    return accepted[[column.name for column in FEATURES]]


def as_listings(cars: pd.DataFrame) -> list[dict[str, object]]:
    """Cars as clients send them: without the missing values."""
    rows = cars.astype(object).where(cars.notna(), None).to_dict("records")
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def seconds_each(work: Callable[[int], object], times: int) -> float:
    """The median time of so many calls `work(0)`, `work(1)`, …"""
    work(0)
    seconds = []
    for n in range(times):
        started = time.perf_counter()
        work(n)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def rows_per_second(work: Callable[[], object], rows: int, times: int = 25) -> float:
    """The rate of the fastest of so many calls: other load on the machine only slows calls down."""
    work()
    best = min(timeit.repeat(work, number=1, repeat=times))
    return rows / best
