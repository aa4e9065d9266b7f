"""What happens in many windows: of shuffled rows, of real days, of a quiet week and a drift."""

import logging
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from benchmarks.drift.windows import (
    QUIET,
    Drift,
    Judge,
    Requests,
    alarmed,
    contiguous,
    two_of_each_weekday,
)
from vehicle_price.monitoring.calibration import MIN_WINDOW_ROWS
from vehicle_price.monitoring.profiles.profile import Profile, add

log = logging.getLogger(__name__)

REFERENCES, WINDOWS = 40, 25  # 1,000 quiet windows of each size
DRIFT_WINDOWS = 5  # of each drift and reference: 200, or 100 pairs
WEEK_REFERENCES = 60
WEEK = 7

Found = dict[str, list[bool]]  # drift → whether each window alarms


def shuffled(requests: Requests, size: int, drifts: Sequence[Drift]) -> Found:
    """Windows of rows drawn at random of the other days; so are the days of the reference."""
    found: Found = {drift.name: [] for drift in (QUIET, *drifts)}
    for seed in range(REFERENCES):
        random = np.random.default_rng(seed)
        days = _shuffled_days(requests, random)
        learnt = two_of_each_weekday(requests.days, random)
        judged = _judge(requests, {day: days[day] for day in learnt})
        others = np.concatenate([rows for day, rows in days.items() if day not in learnt])
        for drift in (QUIET, *drifts):
            for _ in range(WINDOWS if drift == QUIET else DRIFT_WINDOWS):
                rows = random.choice(others, size, replace=False)
                found[drift.name].append(alarmed(judged(drift.apply(requests, rows, random), 1)))
    log.info("shuffled rows: %d a window", size)
    return found


def real_days(
    requests: Requests, size: int, drifts: Sequence[Drift], reference_rows: int | None
) -> Found:
    """Windows of neighbouring rows of one of the other days.

    reference_rows: of each day of the reference; None for all.
    """
    found: Found = {drift.name: [] for drift in (QUIET, *drifts)}
    for seed in range(REFERENCES):
        random = np.random.default_rng(seed)
        judged, others = _reference(requests, reference_rows, random)
        days = [day for day in others if len(requests.rows_of[day]) >= size]
        for drift in (QUIET, *drifts):
            for _ in range(WINDOWS if drift == QUIET else DRIFT_WINDOWS):
                rows = contiguous(requests.rows_of[random.choice(days)], size, random)
                window = judged(drift.apply(requests, rows, random), 1)
                found[drift.name].append(alarmed(window))
    log.info("real days: %d rows a window", size)
    return found


def weeks(
    requests: Requests, rate: int, drifts: Sequence[Drift], reference_rows: int | None
) -> dict[str, np.ndarray]:
    """Drift → bool (trials, 7): whether a window alarms that ends on this day of the drift.

    A service has `rate` requests a day, and a quiet week before. Day windows and 7-day windows.
    """
    found: dict[str, list[list[bool]]] = {drift.name: [] for drift in (QUIET, *drifts)}
    for seed in range(WEEK_REFERENCES):
        random = np.random.default_rng(seed)
        judged, others = _reference(requests, reference_rows, random)
        days = _a_week(others, random)
        before = list(_profiles(requests, days, QUIET, rate, random))
        for drift in (QUIET, *drifts):
            after = list(_profiles(requests, days, drift, rate, random))
            alarms = [_alarms(judged, before[n:] + after[:n]) for n in range(1, WEEK + 1)]
            found[drift.name].append(alarms)
    log.info("a quiet week and a drift: %d rows a day", rate)
    return {name: np.array(alarms, bool) for name, alarms in found.items()}


def _shuffled_days(requests: Requests, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Days of the same sizes, of rows of any day."""
    every = np.concatenate(list(requests.rows_of.values()))
    ends = np.cumsum([len(rows) for rows in requests.rows_of.values()])[:-1]
    return dict(zip(requests.days, np.split(random.permutation(every), ends), strict=True))


def _judge(requests: Requests, rows_of: dict[str, np.ndarray]) -> Judge:
    days = {date.fromisoformat(day): rows for day, rows in rows_of.items()}
    return Judge(requests.reference(days))


def _reference(
    requests: Requests, size: int | None, random: np.random.Generator
) -> tuple[Judge, list[str]]:
    """A reference of two of each weekday, with `size` rows a day or all, and the other days."""
    learnt = two_of_each_weekday(requests.days, random)
    rows_of = {day: requests.rows_of[day] for day in learnt}
    if size:
        rows_of = {d: contiguous(rows, min(size, len(rows)), random) for d, rows in rows_of.items()}
    return _judge(requests, rows_of), [day for day in requests.days if day not in learnt]


def _a_week(days: Sequence[str], random: np.random.Generator) -> list[str]:
    """One of the days of each weekday, from a random weekday on."""
    of_weekday = {date.fromisoformat(d).weekday(): d for d in random.permutation(days).tolist()}
    first = int(random.integers(0, WEEK))
    return [of_weekday[(first + n) % WEEK] for n in range(WEEK)]


def _profiles(
    requests: Requests, days: Sequence[str], drift: Drift, rate: int, random: np.random.Generator
) -> Iterator[Profile]:
    for day in days:
        rows = requests.rows_of[day]
        chosen = contiguous(rows, min(rate, len(rows)), random)
        yield drift.apply(requests, chosen, random)


def _alarms(judged: Judge, days: list[Profile]) -> bool:
    """Whether the window of the last day, or that of all days, alarms."""
    week = add(days)
    windows = [(days[-1], 1), (week, len(days))]
    enough = [(one, count) for one, count in windows if one.effective >= MIN_WINDOW_ROWS]
    return any(alarmed(judged(one, count)) for one, count in enough)
