"""Windows of real requests, quiet and with injected drifts, and references of real days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np

from benchmarks.drift.cars import Cars
from vehicle_price.monitoring.calibration import Calibration, calibrate
from vehicle_price.monitoring.drift import WindowDrift, compare
from vehicle_price.monitoring.profiles.columns import WATCHED, Coded, code
from vehicle_price.monitoring.profiles.profile import Profile, add, count, with_clustering
from vehicle_price.monitoring.profiles.weights import Weights
from vehicle_price.monitoring.reference import Reference, make_reference
from vehicle_price.monitoring.statuses import ALARMS

MAKE = "bmw"  # the make of which more requests come
MAX_DRIFT_SHARE = 0.3

Random = np.random.Generator


class Requests:
    """All requests, coded once; windows are counted from row numbers."""

    def __init__(self, cars: Cars) -> None:
        self.days = sorted(set(cars.day))
        self.rows_of = {day: np.flatnonzero(cars.day == day) for day in self.days}
        unchanged = cars.requests["quiet"]
        self.of_make = np.flatnonzero(unchanged["manufacturer"] == MAKE)
        self.has_condition = unchanged["condition"].notna().to_numpy()
        self._coded = {
            name: {watched.name: code(watched, requests) for watched in WATCHED}
            for name, requests in cars.requests.items()
        }

    def profile(self, rows: np.ndarray, change: str = "quiet") -> Profile:
        """The profile of these requests, each with the weight 1, without design effects."""
        return count(self._columns(rows, change), _equal(rows))

    def reference(self, rows_of: dict[date, np.ndarray]) -> Reference:
        """The reference of these rows of each day, in the order of time."""
        return make_reference(
            {
                day: with_clustering(self.profile(rows), self._columns(rows, "quiet"), _equal(rows))
                for day, rows in rows_of.items()
            }
        )

    def _columns(self, rows: np.ndarray, change: str) -> dict[str, Coded]:
        coded = self._coded[change].items()
        return {name: Coded(column.codes[rows], column.labels) for name, column in coded}


def _equal(rows: np.ndarray) -> Weights:
    return Weights(np.ones(len(rows)), float(len(rows)), ())


@dataclass(frozen=True)
class Drift:
    """An injected drift. apply: requests, rows, random → the profile of the changed rows."""

    name: str
    apply: Callable[[Requests, np.ndarray, Random], Profile]


def quiet(requests: Requests, rows: np.ndarray, _: Random) -> Profile:
    """Nothing is changed."""
    return requests.profile(rows)


def _kilometres(share: float, requests: Requests, rows: np.ndarray, random: Random) -> Profile:
    changed = random.random(len(rows)) < share
    return add([requests.profile(rows[~changed]), requests.profile(rows[changed], "km")])


def _more_of_a_make(points: float, requests: Requests, rows: np.ndarray, random: Random) -> Profile:
    changed = random.random(len(rows)) < points
    others = random.choice(requests.of_make, changed.sum())
    return requests.profile(np.concatenate([rows[~changed], others]))


def _blank_condition(
    points: float, requests: Requests, rows: np.ndarray, random: Random
) -> Profile:
    given = requests.has_condition[rows]
    changed = given & (random.random(len(rows)) < points / max(given.mean(), points))
    return add([requests.profile(rows[~changed]), requests.profile(rows[changed], "no condition")])


QUIET = Drift("none", quiet)
DRIFTS = (
    Drift("kilometres for 30 %", partial(_kilometres, 0.3)),
    Drift(f"{MAKE} +15 points", partial(_more_of_a_make, 0.15)),
    Drift("condition +20 points blank", partial(_blank_condition, 0.2)),
    Drift("kilometres for all", partial(_kilometres, 1.0)),
)
GROSS = (
    DRIFTS[3],
    Drift(f"{MAKE} +30 points", partial(_more_of_a_make, 0.3)),
    Drift("condition +50 points blank", partial(_blank_condition, 0.5)),
)


class Judge:
    """One reference; its calibrations are kept by rows (to 2 %) and days."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._kept: dict[tuple[int, int], Calibration] = {}

    def __call__(self, window: Profile, days: int) -> WindowDrift:
        """The window's drift."""
        key = (int(round(window.effective, -1)), days)
        if key not in self._kept:
            self._kept[key] = calibrate([self.reference], key[0], days)
        return compare(window, self._kept[key], MAX_DRIFT_SHARE)


def alarmed(window: WindowDrift) -> bool:
    """Whether a column has drifted."""
    return window.verdict in ALARMS


def contiguous(rows: np.ndarray, size: int, random: Random) -> np.ndarray:
    """`size` neighbouring rows, which are more alike than rows drawn at random."""
    first = random.integers(0, len(rows) - size + 1)
    return rows[first : first + size]


def two_of_each_weekday(days: Sequence[str], random: Random) -> list[str]:
    """14 random days, two of each weekday."""
    chosen: list[str] = []
    for weekday in range(7):
        of_weekday = [day for day in days if date.fromisoformat(day).weekday() == weekday]
        chosen += random.permutation(of_weekday)[:2].tolist()
    return sorted(chosen)
