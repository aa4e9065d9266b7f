"""How much real days differ by themselves, beside the distances of injected drifts."""

from datetime import date
from typing import NamedTuple

import numpy as np

from benchmarks.drift.windows import DRIFTS, Requests
from vehicle_price.distance import jensen_shannon
from vehicle_price.monitoring.profiles.profile import Profile
from vehicle_price.monitoring.reference import Reference

SUNDAY, STATE_POINTS = 6, 0.1
ROWS = 5_000  # with an injected drift


class NaturalDrift(NamedTuple):
    """Distances of one day from all others: weekdays' median and largest, Sundays' largest; and
    of each injected drift from all days."""

    column: str
    median: float
    largest: float
    sundays: float
    injected: tuple[float, ...]


def natural_drift(requests: Requests) -> list[NaturalDrift]:
    """Each watched column that differs at all."""
    reference, drifted = _days(requests), _injected(requests)
    found = [_of_column(name, reference, drifted) for name in reference.counts]
    return [one for one in found if max(one.largest, one.sundays, *one.injected) > 0.01]


def ten_points_of_a_state(requests: Requests) -> float:
    """Distance of `state` after +10 points of the commonest division."""
    reference = _days(requests)
    total = reference.total("state")
    more = total * (1 - STATE_POINTS)
    more[np.argmax(total)] += STATE_POINTS * total.sum()
    return float(jensen_shannon(more, total))


def _days(requests: Requests) -> Reference:
    return requests.reference(
        {date.fromisoformat(day): rows for day, rows in requests.rows_of.items()}
    )


def _injected(requests: Requests) -> list[Profile]:
    random = np.random.default_rng(0)
    every = np.concatenate(list(requests.rows_of.values()))
    return [drift.apply(requests, random.choice(every, ROWS), random) for drift in DRIFTS]


def _of_column(name: str, reference: Reference, drifted: list[Profile]) -> NaturalDrift:
    counts, total = reference.counts[name], reference.total(name)
    distances = jensen_shannon(counts, total - counts)
    sunday = np.array([day.weekday() == SUNDAY for day in reference.days])
    groups = [reference.groupings[name].grouped(one.counts[name]) for one in drifted]
    injected = tuple(float(jensen_shannon(one, total)) for one in groups)
    weekdays = distances[~sunday]
    most = float(distances[sunday].max(initial=0))
    return NaturalDrift(name, float(np.median(weekdays)), float(weekdays.max()), most, injected)
