"""What the benchmarks of the service share: one line of the table, and how to time a call."""

import statistics
import time
import timeit
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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
