"""Close windows: keep the profile of their requests, and judge their drift."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple

import pandas as pd

from evidently_service.results import Scope, number, result
from evidently_service.snapshots.wanted import is_pictured
from evidently_service.windows import (
    LEARNING_WINDOWS,
    Window,
    numbered,
    window_at,
)
from vehicle_price.monitoring.drift import DAY, WEEK, ColumnDrift, Kind, WindowDrift, judge
from vehicle_price.monitoring.profiles.columns import Watched
from vehicle_price.monitoring.profiles.profile import Profile, profile
from vehicle_price.monitoring.reference import (
    INPUTS,
    OUTPUTS,
    Reference,
    first_days,
    make_reference,
    progress,
)
from vehicle_price.monitoring.snapshot_address import snapshot_path
from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log import monitoring_store as store
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.prediction_log.windows import read_requests
from vehicle_price.settings import Settings

CHANNELS = ("form", "api", "batch")
METRICS: Mapping[str, Kind] = {"drift_day": DAY, "drift_week": WEEK}


class Days(NamedTuple):
    """Windows by the day that they are. starts: their first moments."""

    profiles: dict[date, Profile]
    starts: dict[date, datetime]


def close_window(connection: Connection, settings: Settings, window: Window) -> None:
    """Keep the profiles and results of a window. A repeated call writes the same rows."""
    requests = read_requests(connection, window.start, window.end)
    results: list[Result] = []
    for channel in CHANNELS:
        of_channel = requests[requests["channel"] == channel]
        results += _judged(connection, settings, Scope(window, channel), of_channel)
        for version, rows in of_channel.groupby("model_version"):
            scope = Scope(window, channel, str(version))
            results += _judged(connection, settings, scope, rows)
    results.append(result(Scope(window), store.WINDOWS_CLOSED, Status.OK, len(requests)))
    store.put_results(connection, results)


def _judged(
    connection: Connection, settings: Settings, scope: Scope, requests: pd.DataFrame
) -> Iterator[Result]:
    """The results of a channel: of its inputs, or of a version's prices and intervals."""
    names = {watched.name for watched in _columns(scope)}
    stored = _only(profile(requests), names).to_json()
    store.put_profile(connection, scope.channel, scope.version, scope.window.start, stored)
    days = days_until(connection, settings, scope)
    reference, missing = _reference(connection, settings, scope, days)
    for metric, kind in METRICS.items():
        latest = latest_profiles(days.profiles, scope.window.day, kind.days)
        drift = judge(latest, kind, reference, settings.drift_share)
        yield result(
            scope,
            metric,
            drift.status,
            drift.rows,
            value=drift.drift_share,
            threshold=settings.drift_share,
            details=_details(drift, missing) | _snapshot(scope, metric, drift),
        )
        for column in drift.columns:
            if column.column in names:
                yield _column_result(scope, metric, column, drift.rows)


def _columns(scope: Scope) -> tuple[Watched, ...]:
    return OUTPUTS if scope.version else INPUTS


def _only(whole: Profile, names: set[str]) -> Profile:
    """The profile without other columns."""
    counts = {name: counts for name, counts in whole.counts.items() if name in names}
    clustering = {name: effects for name, effects in whole.clustering.items() if name in names}
    return replace(whole, counts=counts, clustering=clustering)


def days_until(connection: Connection, settings: Settings, scope: Scope) -> Days:
    """The windows up to this one."""
    window, seconds = scope.window, settings.monitoring_window_seconds
    since = numbered(max(window.number - LEARNING_WINDOWS, 0), seconds).start
    stored = store.profiles_since(connection, scope.channel, scope.version, since)
    return _days({s: data for s, data in stored.items() if s <= window.start}, seconds)


def _days(stored: Mapping[datetime, Mapping[str, Any]], seconds: int) -> Days:
    day_of = {start: window_at(start, seconds).day for start in stored}
    profiles = {day_of[start]: Profile.from_json(data) for start, data in stored.items()}
    return Days(profiles, {day: start for start, day in day_of.items()})


def _reference(
    connection: Connection, settings: Settings, scope: Scope, days: Days
) -> tuple[list[Reference], str]:
    """The frozen reference, which the first days become once they are enough; and else what it
    waits for."""
    channel, version = scope.channel, scope.version
    frozen = store.reference_windows(connection, channel, version)
    if not frozen:
        chosen = first_days(days.profiles)
        if not chosen:
            return [], progress(days.profiles).missing
        frozen = [days.starts[day] for day in chosen]
        store.freeze_reference(connection, channel, version, frozen)
    # A window that is closed again gets the result that it had while the reference was learnt.
    if scope.window.start < max(frozen):
        return [], progress(days.profiles).missing
    return [frozen_reference(connection, settings, scope, frozen)], ""


def frozen_reference(
    connection: Connection, settings: Settings, scope: Scope, windows: Sequence[datetime]
) -> Reference:
    """The reference that these windows are, of the columns of a channel or of a version."""
    stored = store.profiles_since(connection, scope.channel, scope.version, min(windows))
    of_reference = {start: stored[start] for start in windows if start in stored}
    known = _days(of_reference, settings.monitoring_window_seconds)
    return make_reference(known.profiles, _columns(scope))


def latest_profiles(profiles: Mapping[date, Profile], day: date, count: int) -> list[Profile]:
    """The profiles of the last `count` days up to this one."""
    return [one for at, one in profiles.items() if day.toordinal() - count < at.toordinal()]


def _column_result(scope: Scope, metric: str, column: ColumnDrift, rows: int) -> Result:
    details = {
        "z": number(column.z),
        "field": column.field,
        "movers": [mover._asdict() for mover in column.movers],
    }
    return result(
        scope,
        metric,
        column.status,
        rows,
        column.column,
        value=column.distance,
        expected=column.mean,
        threshold=column.threshold,
        details=details,
    )


def _snapshot(scope: Scope, metric: str, drift: WindowDrift) -> dict[str, str]:
    """Where the pictures are, below EVIDENTLY_URL; nothing if there will be none."""
    if scope.version or not is_pictured(metric, drift.verdict):
        return {}
    return {"snapshot": snapshot_path(scope.channel, metric, scope.window.start)}


def _details(drift: WindowDrift, missing: str) -> dict[str, Any]:
    worst = sorted(
        (column for column in drift.columns if math.isfinite(column.z)), key=lambda c: -c.z
    )
    return {
        "verdict": drift.verdict,
        "effective": round(drift.effective, 1),
        "days": drift.days,
        "k": number(drift.k),
        "false_alarms": number(drift.alarms),
        "worst": [
            {"column": c.column, "distance": c.distance, "threshold": c.threshold}
            for c in worst[:3]
        ],
        "missing": missing,
    }
