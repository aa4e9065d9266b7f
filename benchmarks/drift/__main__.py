"""How often monitoring is wrong, on real listings as requests: the figures in the README.

python -m benchmarks.drift [DATA] [--only speed|shuffled|days|weeks|natural|feedback]

DATA: CSV, zip, gzip or Parquet file; by default the real listings of REAL_DATA_DIR or
../shared/data. Prices are those of a stand-in model (`cars.py`), which is fitted once
for the same listings and code, in some three minutes; its answers stay in .local/drift.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.drift import feedback_tables, scenarios
from benchmarks.drift.cars import ROUNDS, Cars, load
from benchmarks.drift.natural import natural_drift, ten_points_of_a_state
from benchmarks.drift.speed import measure_speed
from benchmarks.drift.tables import FALSE, FALSE_OF_2000, POWER, beyond, row, table
from benchmarks.drift.windows import DRIFTS, GROSS, QUIET, Requests
from benchmarks.harness.own_process import in_own_process
from vehicle_price.monitoring.calibration import MIN_DISTANCE
from vehicle_price.monitoring.reference import MIN_DAYS, MIN_ROWS
from vehicle_price.settings import Settings

SIZES, DAY_SIZES, SHUFFLED_DRIFT_ROWS = (500, 1_000, 5_000), (500, 1_000, 2_000), 1_000
RATES, LEAST_RATE = (100, 300, 700, 2_000), 300  # rows a day; promised from LEAST_RATE on
LEAST_REFERENCE = -(-MIN_ROWS // MIN_DAYS)  # rows a day


def main() -> int:
    """Print the tables; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("data", nargs="?", default=_default_data(), help="file of real listings")
    parser.add_argument("--only", choices=("speed", *TABLES), help="one of the tables")
    options = parser.parse_args()
    data = options.data
    # The tables are this command's result and go to stdout; progress goes to the log, on stderr.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    folder = Path(Settings.from_environment().local_dir) / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    settings = replace(Settings.from_environment(), data_root=str(folder), local_dir=str(folder))
    in_own_process(load, settings, data)  # fits the stand-in, if need be
    missed = []
    if options.only in (None, "speed"):
        missed += in_own_process(measure_speed, settings, data)
    if options.only != "speed":
        cars = load(settings, data)
        requests = Requests(cars)
        print(_protocol(cars))
        for name in TABLES if options.only is None else (options.only,):
            missed += TABLES[name](requests, cars)
    print("\n" + ("Missed:\n- " + "\n- ".join(missed) if missed else "Every bar is kept."))
    return int(bool(missed))


def _protocol(cars: Cars) -> str:
    return (
        f"\n{len(cars.day):,} cars, first postings of {len(set(cars.day))} days; prices of XGBoost "
        f"with {ROUNDS['rounds']} rounds, each half of the cars priced by the other half's model."
    )


def _default_data() -> str:
    folder = os.environ.get("REAL_DATA_DIR") or "../shared/data"
    return str(Path(folder) / "craigslist-carstrucks-data.zip")


def _shuffled(requests: Requests, _: Cars) -> list[str]:
    table("Shuffled rows: quiet windows that alarm", ["rows", "windows", "alarms"])
    missed, powers = [], {}
    for size in SIZES:
        drifts = DRIFTS if size == SHUFFLED_DRIFT_ROWS else ()
        found = scenarios.shuffled(requests, size, drifts)
        quiet = found.pop(QUIET.name)
        powers |= found
        row(f"{size:,}", f"{len(quiet):,}", float(np.mean(quiet)))
        missed += beyond(f"shuffled, {size:,} rows, false alarms", float(np.mean(quiet)), FALSE)
    table(f"Shuffled rows: drifts in {SHUFFLED_DRIFT_ROWS:,} rows", ["drift", "one", "two windows"])
    for name, alarms in powers.items():
        within_two = float(np.reshape(alarms, (-1, 2)).any(axis=1).mean())
        row(name, float(np.mean(alarms)), within_two)
        missed += beyond(f"shuffled, {name}, within two windows", within_two, POWER)
    return missed


def _real_days(requests: Requests, _: Cars) -> list[str]:
    drifts = (*DRIFTS[:3], *GROSS)
    missed = []
    for title, as_many in (
        ("Real days, neighbouring rows; reference: 14 other random days, all rows", False),
        ("The same, the reference's days with as many rows as the window", True),
    ):
        table(title, ["rows", "windows", "false alarms", *(drift.name for drift in drifts)])
        for size in DAY_SIZES:
            found = scenarios.real_days(requests, size, drifts, size if as_many else None)
            shares = {name: float(np.mean(alarms)) for name, alarms in found.items()}
            row(f"{size:,}", f"{len(found[QUIET.name]):,}", *shares.values())
            where = f"real days, {size:,} rows" + (", reference as small" if as_many else "")
            limit = FALSE if size < DAY_SIZES[-1] else FALSE_OF_2000
            missed += beyond(f"{where}, false alarms", shares[QUIET.name], limit)
            for drift in GROSS:
                missed += beyond(f"{where}, {drift.name}", shares[drift.name], POWER)
    return missed


def _weeks(requests: Requests, _: Cars) -> list[str]:
    missed = []
    for title, as_many in (
        ("Day and 7-day windows after a quiet week; reference: 14 days, all rows", False),
        (f"The same, reference: 14 days of as many rows, at least {LEAST_REFERENCE}", True),
    ):
        head = ["rows a day", "false alarms a day", *(drift.name for drift in DRIFTS[:3])]
        table(title, head)
        for rate in RATES:
            size = max(rate, LEAST_REFERENCE) if as_many else None
            found = scenarios.weeks(requests, rate, DRIFTS[:3], size)
            quiet = float(found.pop(QUIET.name).mean())
            row(f"{rate:,}", quiet, *(_in_seven_days(week) for week in found.values()))
            where = f"{rate:,} rows a day" + (", reference as small" if as_many else "")
            limit = FALSE if rate < RATES[-1] else FALSE_OF_2000
            missed += beyond(f"{where}, false alarms a day", quiet, limit)
            for name, week in found.items() if rate >= LEAST_RATE else ():
                power = float(week.any(axis=1).mean())
                missed += beyond(f"{where}, {name} within seven days", power, POWER)
    print("\nFound within seven days of the drift, and the median day on which it is.")
    return missed


def _in_seven_days(week: np.ndarray) -> str:
    days = np.where(week.any(axis=1), week.argmax(axis=1) + 1, week.shape[1] + 1)
    median = int(np.median(days))
    when = f"day {median}" if median <= week.shape[1] else "later"
    return f"{week.any(axis=1).mean():.0%}, {when}"


def _natural(requests: Requests, _: Cars) -> list[str]:
    head = ["column", "weekday, median", "weekday, largest", "Sunday, largest"]
    table(
        "Natural drift: distance of a whole day from the other days; distance of injected drifts",
        [*head, *(drift.name for drift in DRIFTS)],
    )
    rows = natural_drift(requests)
    for drift in rows:
        figures = (drift.median, drift.largest, drift.sundays, *drift.injected)
        row(drift.column, *(f"{figure:.3f}" for figure in figures))
    state = next(drift for drift in rows if drift.column == "state")
    print(
        f"\nWhat cannot be detected on replayed listings: +10 points of one state or division, a "
        f"distance of {ten_points_of_a_state(requests):.2f}, since quiet days differ by up to "
        f"{max(state.largest, state.sundays):.2f}; the state is shown and never alarmed. Nor any "
        f"change with a distance below {MIN_DISTANCE}."
    )
    return []


TABLES: dict[str, Callable[[Requests, Cars], list[str]]] = {
    "shuffled": _shuffled,
    "days": _real_days,
    "weeks": _weeks,
    "natural": _natural,
    "feedback": feedback_tables.print_tables,
}


if __name__ == "__main__":
    sys.exit(main())
