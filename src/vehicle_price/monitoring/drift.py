"""Whether the requests of a window have drifted from the reference."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vehicle_price.distance import STATISTICS, shares
from vehicle_price.monitoring.calibration import (
    MIN_WINDOW_ROWS,
    STATISTIC,
    Calibration,
    calibrate,
)
from vehicle_price.monitoring.profiles.columns import WATCHED, Watched
from vehicle_price.monitoring.profiles.profile import Profile, add
from vehicle_price.monitoring.reference import Reference
from vehicle_price.monitoring.statuses import ALARMS, Status

SEVERE_FIELDS = 2  # drifting fields that make a drift severe
FEW_CALLERS_SHARE = 0.1  # of a window's rows that may be from days with few callers
SHOWN_MOVERS = 3


class Kind(NamedTuple):
    """A kind of window: its length in days, and on how many of them requests must have come."""

    days: int
    min_days: int


DAY, WEEK = Kind(1, 1), Kind(7, 4)


class Mover(NamedTuple):
    """A level or bin, and its shares in the reference and in the window."""

    level: str
    reference: float
    window: float


class ColumnDrift(NamedTuple):
    """A row of the heat map. threshold: of the distance. mean, sd: of quiet windows.

    movers: the levels or bins whose shares differ most. Without a reference: LEARNING, and NaN.
    """

    column: str
    field: str
    status: Status
    distance: float
    z: float
    threshold: float
    mean: float
    sd: float
    movers: tuple[Mover, ...]


class WindowDrift(NamedTuple):
    """What is known of a window.

    status: FEW_CALLERS hides the verdict, which is what it would be with enough callers: a verdict
    of such a window is a warning. k: published threshold of z. alarms: the share of the reference's
    own windows that it alarms on. drift_share: drifting columns of all alarmed ones.
    """

    status: Status
    verdict: Status
    rows: int
    effective: float
    days: int
    k: float
    alarms: float
    drift_share: float
    columns: tuple[ColumnDrift, ...]


def judge(
    profiles: Sequence[Profile],
    kind: Kind,
    references: Sequence[Reference],
    max_drift_share: float,
) -> WindowDrift:
    """Judge a window. profiles: of its days. references: of the channel, and of the version.

    max_drift_share: a larger share of drifting columns is a severe drift.
    """
    given = [one for one in profiles if one.effective > 0]
    window = add(given)
    if window.effective < MIN_WINDOW_ROWS or len(given) < kind.min_days:
        return _unjudged(Status.NOT_ENOUGH_DATA, window, len(given))
    if not references:
        return _unjudged(Status.LEARNING, window, len(given))
    calibration = calibrate(references, window.effective, len(given))
    return compare(window, calibration, max_drift_share)


def compare(window: Profile, calibration: Calibration, max_drift_share: float) -> WindowDrift:
    """Judge a window of as many rows and days as the calibration is for."""
    columns = tuple(_column(watched, window, calibration) for watched in WATCHED)
    drifting = [column for column in columns if column.status in ALARMS]
    alarmed = [watched for watched in WATCHED if watched.alarmed]
    share = len(drifting) / len(alarmed)
    verdict = _verdict(drifting, share > max_drift_share)
    few = window.few_callers > FEW_CALLERS_SHARE * window.effective
    return WindowDrift(
        Status.FEW_CALLERS if few else verdict,
        verdict,
        window.rows,
        window.effective,
        calibration.days,
        calibration.k,
        calibration.alarms,
        share,
        columns,
    )


def _verdict(drifting: Sequence[ColumnDrift], large_share: bool) -> Status:
    if not drifting:
        return Status.OK
    fields = {column.field for column in drifting}
    far = any(column.status == Status.SEVERE_DRIFT for column in drifting)
    severe = far or large_share or len(fields) >= SEVERE_FIELDS
    return Status.SEVERE_DRIFT if severe else Status.DRIFT


def _unjudged(status: Status, window: Profile, days: int) -> WindowDrift:
    nan = float("nan")
    return WindowDrift(status, status, window.rows, window.effective, days, nan, nan, nan, ())


def _column(watched: Watched, window: Profile, calibration: Calibration) -> ColumnDrift:
    name, counts = watched.name, window.counts.get(watched.name)
    reference = next((r for r in calibration.references if name in r.counts), None)
    if not reference or not counts:
        status = Status.NOT_ENOUGH_DATA if reference else Status.LEARNING
        return ColumnDrift(name, watched.field, status, *[float("nan")] * 5, ())
    groups = reference.groupings[name].grouped(counts)
    distance = float(STATISTICS[STATISTIC](groups, reference.total(name)))
    natural, threshold = calibration.natural[name], calibration.threshold(name)
    return ColumnDrift(
        name,
        watched.field,
        _status(watched, distance, calibration),
        distance,
        natural.z(distance),
        threshold,
        *natural,
        _movers(reference.groupings[name].names, reference.total(name), groups),
    )


def _status(watched: Watched, distance: float, calibration: Calibration) -> Status:
    if not watched.alarmed:
        return Status.SHOWN
    if distance <= calibration.threshold(watched.name):
        return Status.OK
    severe = distance > calibration.severe_threshold(watched.name)
    return Status.SEVERE_DRIFT if severe else Status.DRIFT


def _movers(names: Sequence[str], reference: np.ndarray, window: np.ndarray) -> tuple[Mover, ...]:
    before, after = shares(reference), shares(window)
    largest = np.argsort(-np.abs(after - before), kind="stable")[:SHOWN_MOVERS]
    return tuple(Mover(names[n], float(before[n]), float(after[n])) for n in largest)
