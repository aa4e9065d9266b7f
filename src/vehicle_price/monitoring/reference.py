"""The frozen reference of a channel: its own requests on the first days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from vehicle_price.monitoring.profiles.clustering import DesignEffects
from vehicle_price.monitoring.profiles.columns import WATCHED, Watched
from vehicle_price.monitoring.profiles.grouping import Grouping, grouping
from vehicle_price.monitoring.profiles.profile import Profile, add

MIN_DAYS, MIN_ROWS = 14, 5_000
MIN_EACH_WEEKDAY = 2
# A weekday without requests for so long has none, such as Sunday for a client that works in
# offices; the reference does not wait for it any longer.
WEEKS_WITHOUT = 4

INPUTS = tuple(watched for watched in WATCHED if not watched.of_version)
OUTPUTS = tuple(watched for watched in WATCHED if watched.of_version)


class Learning(NamedTuple):
    """How far a reference is. missing: what it waits for, for people; empty when it is ready."""

    days: int
    rows: float
    missing: str


@dataclass(frozen=True)
class Reference:
    """The days' counts of the watched columns.

    days: ascending. rows: float64 (days,), effective rows. counts: column → float64 (days, groups).
    clustering: column → the days' mean design effects.
    """

    days: tuple[date, ...]
    rows: np.ndarray
    groupings: Mapping[str, Grouping]
    counts: Mapping[str, np.ndarray]
    clustering: Mapping[str, DesignEffects]

    def total(self, column: str) -> np.ndarray:
        """float64 (groups,): the counts of all days."""
        return self.counts[column].sum(axis=0)


def progress(profiles: Mapping[date, Profile]) -> Learning:
    """How far the reference of these daily profiles is."""
    found = {day: one for day, one in sorted(profiles.items()) if one.effective > 0}
    rows = sum(one.effective for one in found.values())
    missing = []
    if len(found) < MIN_DAYS:
        missing.append(f"{len(found)} of {MIN_DAYS} days with requests")
    if rows < MIN_ROWS:
        missing.append(f"{rows:,.0f} of {MIN_ROWS:,} requests")
    if weekdays := _missing_weekdays(list(found)):
        missing.append(f"{MIN_EACH_WEEKDAY} days with requests of each of {', '.join(weekdays)}")
    return Learning(len(found), rows, "; ".join(missing))


def first_days(profiles: Mapping[date, Profile]) -> tuple[date, ...]:
    """The first days with requests that make a reference; empty while they do not."""
    days = sorted(day for day, one in profiles.items() if one.effective > 0)
    for count in range(MIN_DAYS, len(days) + 1):
        if not progress({day: profiles[day] for day in days[:count]}).missing:
            return tuple(days[:count])
    return ()


def make_reference(
    profiles: Mapping[date, Profile], columns: Iterable[Watched] = WATCHED
) -> Reference:
    """The reference that these daily profiles are: INPUTS of a channel, OUTPUTS of a version.

    A column that no day has is left out. Raises ValueError without a day with requests.
    """
    days = tuple(sorted(day for day, one in profiles.items() if one.effective > 0))
    if not days:
        raise ValueError("a reference needs at least one day with requests; it was given none")
    every = [profiles[day] for day in days]
    total = add(every)
    groupings = {
        watched.name: grouping(watched, total.counts[watched.name])
        for watched in columns
        if total.counts.get(watched.name)
    }
    counts = {
        name: np.array([groups.grouped(one.counts.get(name, {})) for one in every])
        for name, groups in groupings.items()
    }
    rows = np.array([one.effective for one in every])
    return Reference(days, rows, groupings, counts, {n: total.clustering[n] for n in groupings})


def _missing_weekdays(days: Sequence[date]) -> list[str]:
    """The weekdays that too few of the days are, by name; `days` ascending."""
    if not days:
        return []
    passed = [days[0] + timedelta(n) for n in range((days[-1] - days[0]).days + 1)]
    return [
        (date(2024, 1, 1) + timedelta(weekday)).strftime("%A")
        for weekday in range(7)
        if sum(day.weekday() == weekday for day in days) < MIN_EACH_WEEKDAY
        and sum(day.weekday() == weekday for day in passed) < WEEKS_WITHOUT
    ]
