"""How often monitoring is wrong, on real listings as requests: the figures in the README.

python -m benchmarks.drift [DATA] [--only speed|shuffled|days|weeks|natural|feedback]

DATA: CSV, zip, gzip or Parquet file; by default the real listings of REAL_DATA_DIR or
../shared/data. Prices are those of a stand-in model (`harness/drift/cars.py`), which is fitted once
for the same listings and code, in some three minutes; its answers stay in .local/drift.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness.drift import feedback, scenarios
from benchmarks.harness.drift.cars import ROUNDS, Cars, load
from benchmarks.harness.drift.natural import natural_drift, ten_points_of_a_state
from benchmarks.harness.drift.windows import DRIFTS, GROSS, QUIET, Requests
from benchmarks.harness.own_process import in_own_process, peak_mb
from vehicle_price.monitoring.calibration import MIN_DISTANCE
from vehicle_price.monitoring.drift import DAY, judge
from vehicle_price.monitoring.profiles.profile import profile
from vehicle_price.monitoring.reference import MIN_DAYS, MIN_ROWS, make_reference
from vehicle_price.settings import Settings

FALSE, FALSE_OF_2000, POWER = 0.01, 0.02, 0.95  # promised: at most, at most, at least
SIZES, DAY_SIZES, SHUFFLED_DRIFT_ROWS = (500, 1_000, 5_000), (500, 1_000, 2_000), 1_000
RATES, LEAST_RATE = (100, 300, 700, 2_000), 300  # rows a day; promised from LEAST_RATE on
LEAST_REFERENCE = -(-MIN_ROWS // MIN_DAYS)  # rows a day
FEEDBACKS, FEEDBACK_WINDOWS = (30, 50, 100, 200, 500), 500
HOSTILE_KEYS, HOSTILE_SHIFT = 12, 0.015
HOSTILE_REPORTS, HOSTILE_FACTORS = (100, 200, 500), (3.0, 0.33, 1.3)
SPEED_ROWS, SECONDS, MEGABYTES = 100_000, 20, 1_000


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
        missed += in_own_process(_speed, settings, data)
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


def _table(title: str, head: Sequence[str]) -> None:
    print(f"\n**{title}**\n\n| {' | '.join(head)} |\n|---|{'--:|' * (len(head) - 1)}", flush=True)


def _row(*cells: object) -> None:
    shown = (f"{cell:.1%}" if isinstance(cell, float) else str(cell) for cell in cells)
    print(f"| {' | '.join(shown)} |", flush=True)


def _beyond(what: str, value: float, limit: float) -> list[str]:
    """The sentence of a missed bar, or none."""
    wrong = value > limit if limit < 0.5 else value < limit
    kind = "at most" if limit < 0.5 else "at least"
    return [f"{what}: {value:.1%}, {kind} {limit:.0%} promised"] if wrong else []


def _shuffled(requests: Requests, _: Cars) -> list[str]:
    _table("Shuffled rows: quiet windows that alarm", ["rows", "windows", "alarms"])
    missed = []
    for size in SIZES:
        drifts = DRIFTS if size == SHUFFLED_DRIFT_ROWS else ()
        found = scenarios.shuffled(requests, size, drifts)
        quiet = found.pop(QUIET.name)
        _row(f"{size:,}", f"{len(quiet):,}", float(np.mean(quiet)))
        missed += _beyond(f"shuffled, {size:,} rows, false alarms", float(np.mean(quiet)), FALSE)
        powers = found or powers if size != SIZES[0] else {}
    _table(
        f"Shuffled rows: drifts in {SHUFFLED_DRIFT_ROWS:,} rows", ["drift", "one", "two windows"]
    )
    for name, alarms in powers.items():
        within_two = float(np.reshape(alarms, (-1, 2)).any(axis=1).mean())
        _row(name, float(np.mean(alarms)), within_two)
        missed += _beyond(f"shuffled, {name}, within two windows", within_two, POWER)
    return missed


def _real_days(requests: Requests, _: Cars) -> list[str]:
    drifts = (*DRIFTS[:3], *GROSS)
    missed = []
    for title, as_many in (
        ("Real days, neighbouring rows; reference: 14 other random days, all rows", False),
        ("The same, the reference's days with as many rows as the window", True),
    ):
        _table(title, ["rows", "windows", "false alarms", *(drift.name for drift in drifts)])
        for size in DAY_SIZES:
            found = scenarios.real_days(requests, size, drifts, size if as_many else None)
            shares = {name: float(np.mean(alarms)) for name, alarms in found.items()}
            _row(f"{size:,}", f"{len(found[QUIET.name]):,}", *shares.values())
            where = f"real days, {size:,} rows" + (", reference as small" if as_many else "")
            limit = FALSE if size < DAY_SIZES[-1] else FALSE_OF_2000
            missed += _beyond(f"{where}, false alarms", shares[QUIET.name], limit)
            for drift in GROSS:
                missed += _beyond(f"{where}, {drift.name}", shares[drift.name], POWER)
    return missed


def _weeks(requests: Requests, _: Cars) -> list[str]:
    missed = []
    for title, as_many in (
        ("Day and 7-day windows after a quiet week; reference: 14 days, all rows", False),
        (f"The same, reference: 14 days of as many rows, at least {LEAST_REFERENCE}", True),
    ):
        head = ["rows a day", "false alarms a day", *(drift.name for drift in DRIFTS[:3])]
        _table(title, head)
        for rate in RATES:
            size = max(rate, LEAST_REFERENCE) if as_many else None
            found = scenarios.weeks(requests, rate, DRIFTS[:3], size)
            quiet = float(found.pop(QUIET.name).mean())
            _row(f"{rate:,}", quiet, *(_in_seven_days(week) for week in found.values()))
            where = f"{rate:,} rows a day" + (", reference as small" if as_many else "")
            limit = FALSE if rate < RATES[-1] else FALSE_OF_2000
            missed += _beyond(f"{where}, false alarms a day", quiet, limit)
            for name, week in found.items() if rate >= LEAST_RATE else ():
                power = float(week.any(axis=1).mean())
                missed += _beyond(f"{where}, {name} within seven days", power, POWER)
    print("\nFound within seven days of the drift, and the median day on which it is.")
    return missed


def _in_seven_days(week: np.ndarray) -> str:
    days = np.where(week.any(axis=1), week.argmax(axis=1) + 1, week.shape[1] + 1)
    median = int(np.median(days))
    when = f"day {median}" if median <= week.shape[1] else "later"
    return f"{week.any(axis=1).mean():.0%}, {when}"


def _natural(requests: Requests, _: Cars) -> list[str]:
    head = ["column", "weekday, median", "weekday, largest", "Sunday, largest"]
    _table(
        "Natural drift: distance of a whole day from the other days; distance of injected drifts",
        [*head, *(drift.name for drift in DRIFTS)],
    )
    rows = natural_drift(requests)
    for row in rows:
        figures = (row.median, row.largest, row.sundays, *row.injected)
        _row(row.column, *(f"{figure:.3f}" for figure in figures))
    state = next(row for row in rows if row.column == "state")
    print(
        f"\nWhat cannot be detected on replayed listings: +10 points of one state or division, a "
        f"distance of {ten_points_of_a_state(requests):.2f}, since quiet days differ by up to "
        f"{max(state.largest, state.sundays):.2f}; the state is shown and never alarmed. Nor any "
        f"change with a distance below {MIN_DISTANCE}."
    )
    return []


def _feedback(_: Requests, cars: Cars) -> list[str]:
    reports = feedback.reports_of(cars)
    figures = ", ".join(f"{k} {v:.3f}" for k, v in reports.baseline._asdict().items())
    print(f"\nFeedback on a model of the first {feedback.EARLY_DAYS} days; at its gate: {figures}.")
    head = ["feedbacks", "bias, false alarms", "bias, threshold", "any figure, false alarms"]
    _table("Feedback on the prices of one day", [*head, "+10 %", "+10 % in two", "+25 %"])
    missed = []
    for count in FEEDBACKS:
        quiet, threshold, any_figure, ten, two, more = _windows_of(reports, count)
        _row(count, quiet, f"{threshold:.3f}", any_figure, ten, two, more)
        missed += _beyond(f"+25 % in {count} feedbacks", more, POWER) if count >= 50 else []
        missed += _beyond(f"+10 % in two windows of {count}", two, POWER) if count >= 200 else []
        missed += _beyond(f"bias, {count} feedbacks, false", quiet, FALSE) if count >= 100 else []
    _print_expected(reports)
    return missed + _hostile(reports)


def _windows_of(reports: feedback.Reports, count: int) -> tuple[float, ...]:
    """Shares of windows: bias alarms, its mean threshold, any alarms, and with dearer cars."""
    days = [reports.days[n % len(reports.days)] for n in range(FEEDBACK_WINDOWS)]
    windows = [feedback.window(reports, day, count, seed) for seed, day in enumerate(days)]
    quiet, ten, more = (
        [feedback.judged(rows, reports.baseline, factor) for rows in windows]
        for factor in (1.0, 1.1, 1.25)
    )
    alarms = [
        np.array([feedback.alarms(one, "bias") for one in some]) for some in (quiet, ten, more)
    ]
    half = FEEDBACK_WINDOWS // 2
    return (
        float(alarms[0].mean()),
        float(np.nanmean([one["bias"].threshold for one in quiet])),
        float(np.mean([feedback.alarms(one) for one in quiet])),
        float(alarms[1].mean()),
        float((alarms[1][:half] | alarms[1][half:]).mean()),
        float(alarms[2].mean()),
    )


def _hostile(reports: feedback.Reports) -> list[str]:
    title = f"One hostile key of {HOSTILE_KEYS}"
    _table(
        title, ["feedbacks", "reports", "bias moves by, mean", "largest", "alarms more often by"]
    )
    missed = []
    for count in HOSTILE_REPORTS:
        for factor in HOSTILE_FACTORS:
            moved, more = _moved(reports, count, factor)
            _row(count, f"× {factor:g}", f"{moved.mean():.4f}", f"{moved.max():.4f}", more)
            what = f"{title}, {count} feedbacks × {factor:g}: bias moves by up to {moved.max():.4f}"
            missed += [what] if moved.max() > HOSTILE_SHIFT else []
    return missed


def _moved(reports: feedback.Reports, count: int, factor: float) -> tuple[np.ndarray, float]:
    """By how much the attack moves each window's bias, and how many more windows alarm."""
    moved, more = [], []
    for seed in range(FEEDBACK_WINDOWS // 5):
        rows = feedback.window(reports, reports.days[seed % len(reports.days)], count, seed)
        before, after = (
            feedback.judged(feedback.attacked(rows, HOSTILE_KEYS, one), reports.baseline)
            for one in (None, factor)
        )
        moved.append(abs(after["bias"].value - before["bias"].value))
        more.append(feedback.alarms(after) - feedback.alarms(before))
    return np.array(moved), float(np.mean(more))


def _print_expected(reports: feedback.Reports) -> None:
    expected, measured = feedback.expected_beside_measured(reports)
    print(
        f"\nMean |error|: {expected:,.0f} USD expected from the widths, {measured:,.0f} measured."
    )
    return []


def _speed(settings: Settings, data: str) -> list[str]:
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


TABLES: dict[str, Callable[[Requests, Cars], list[str]]] = {
    "shuffled": _shuffled,
    "days": _real_days,
    "weeks": _weeks,
    "natural": _natural,
    "feedback": _feedback,
}


if __name__ == "__main__":
    sys.exit(main())
