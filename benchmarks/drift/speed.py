"""How long it takes to profile and judge a busy day, and how much memory."""

import time

import numpy as np
import pandas as pd

from benchmarks.drift.cars import Cars, load
from benchmarks.harness.own_process import peak_mb
from vehicle_price.monitoring.drift import DAY, judge
from vehicle_price.monitoring.profiles.profile import profile
from vehicle_price.monitoring.reference import MIN_DAYS, make_reference
from vehicle_price.settings import Settings

SPEED_ROWS, SECONDS, MEGABYTES = 100_000, 20, 1_000


def measure_speed(settings: Settings, data: str) -> list[str]:
    """Profile and judge SPEED_ROWS predictions, of 200 callers, in this process; print it."""
    requests = _as_logged(load(settings, data)).head(SPEED_ROWS)
    days = {
        day.date(): some for day, some in requests.groupby(requests["created_at"].dt.normalize())
    }
    reference = make_reference({day: profile(some) for day, some in list(days.items())[:MIN_DAYS]})
    before, start = peak_mb(), time.perf_counter()
    window = judge([profile(requests)], DAY, [reference], 0.3)
    seconds = time.perf_counter() - start
    print(
        f"{SPEED_ROWS:,} predictions profiled and judged in {seconds:.1f} s, on one thread; peak "
        f"memory of the process {peak_mb():,.0f} MB, {before:,.0f} of it with the rows read before."
        f" Effective rows: {window.effective:,.0f}."
    )
    missed = [f"{seconds:.0f} s for {SPEED_ROWS:,}"] if seconds > SECONDS else []
    return missed + ([f"{peak_mb():,.0f} MB"] if peak_mb() > MEGABYTES else [])


def _as_logged(cars: Cars) -> pd.DataFrame:
    requests = cars.requests["quiet"]
    number = np.arange(len(requests))
    return requests.assign(
        created_at=requests["created_at"] + pd.to_timedelta(number % 86_400, "s"),
        caller=[f"caller {n % 200}" for n in number],
        request_id=[f"request {n // 2}" for n in number],
    )
