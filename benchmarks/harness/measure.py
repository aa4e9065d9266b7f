"""What the benchmarks of the service share: what is asked, one line of the table, how to time."""

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


class Line(NamedTuple):
    """One line of the table: what was measured beside its floor."""

    what: str
    measured: str
    floor: str
    ratio: float
    wanted: str

    def __str__(self) -> str:
        return (
            f"| {self.what} | {self.measured} | {self.floor} | {self.ratio:.2f} | {self.wanted} |"
        )


class Input(NamedTuple):
    """What is asked: listings as JSON values, as a CSV file, and as the boosters' matrix."""

    listings: list[dict[str, object]]
    csv: bytes
    matrix: np.ndarray


def serving_now() -> Path:
    """The folder of the model that serves here. Exits with a message when there is none."""
    model_dir = Path(Settings.from_environment().model_dir)
    current = read_json(model_dir / "current.json")
    if not current:
        raise SystemExit(f"no model in {model_dir}: run `make build` first, or name an artifact")
    return model_dir / current["folder"]


def sample_cars(rows: int) -> pd.DataFrame:
    """Listings of the sample, with the columns that a price depends on. rows: before the check."""
    accepted = check(generate(rows, 5)).accepted.to_pandas()
    return accepted[[column.name for column in FEATURES]]


def as_listings(cars: pd.DataFrame) -> list[dict[str, object]]:
    """Cars as clients send them: what is not known is left out."""
    rows = cars.astype(object).where(cars.notna(), None).to_dict("records")
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def seconds_each(work: Callable[[int], object], times: int) -> float:
    """The median of so many calls, each with another row."""
    work(0)
    found = []
    for n in range(times):
        started = time.perf_counter()
        work(n)
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def rows_per_second(work: Callable[[], object], rows: int, times: int = 25) -> float:
    """From the best of so many calls: what else runs on the machine only makes them slower."""
    work()
    best = min(timeit.repeat(work, number=1, repeat=times))
    return rows / best
