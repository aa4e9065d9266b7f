"""The columns of a picture, from the stored results, profiles and references of its window."""

from collections.abc import Sequence
from datetime import timedelta

from evidently_service.drift_job import METRICS, days_until, frozen_reference, latest_profiles
from evidently_service.results import Scope
from evidently_service.snapshots.rows import NEVER, PicturedColumn
from evidently_service.snapshots.wanted import WINDOWS, Picture, wanted
from evidently_service.windows import window_at
from vehicle_price.monitoring.profiles.profile import Profile, add
from vehicle_price.monitoring.reference import Reference
from vehicle_price.monitoring.statuses import ALARMS, Status
from vehicle_price.prediction_log import monitoring_store as store
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.settings import Settings


def wanted_pictures(connection: Connection, settings: Settings) -> list[Picture]:
    """The pictures that there should be of the last windows, oldest first."""
    latest = store.last_closed(connection, store.WINDOWS_CLOSED)
    if latest is None:
        return []
    since = latest - timedelta(seconds=WINDOWS * settings.monitoring_window_seconds)
    results = store.results_since(connection, list(METRICS), since)
    return wanted(results, settings.evidently_snapshots)


def pictured_columns(
    connection: Connection, settings: Settings, picture: Picture
) -> list[PicturedColumn]:
    """The judged columns of a window, those that are furthest beyond their threshold first.

    Price and width are those of the version that was asked most.
    """
    found = store.column_results(connection, picture.channel, picture.metric, picture.start)
    judged = _of_one_version([result for result in found if result.value is not None])
    window = window_at(picture.start, settings.monitoring_window_seconds)
    columns = []
    for version in sorted({result.model_version for result in judged}):
        scope = Scope(window, picture.channel, version)
        if sources := _sources(connection, settings, scope, picture.metric):
            profile, reference = sources
            columns += [
                _column(result, profile, reference)
                for result in judged
                if result.model_version == version and _is_known(result, profile, reference)
            ]
    return sorted(columns, key=lambda column: column.threshold - column.distance)


def _is_known(result: Result, window: Profile, reference: Reference) -> bool:
    """False for a column that was watched when the window was judged, and is not any more."""
    return result.column_name in reference.groupings and result.column_name in window.counts


def _of_one_version(results: Sequence[Result]) -> list[Result]:
    """The first result of each column."""
    return list({result.column_name: result for result in reversed(results)}.values())


def _sources(
    connection: Connection, settings: Settings, scope: Scope, metric: str
) -> tuple[Profile, Reference] | None:
    """The profile of the window's days, and the reference; None if a person has deleted it."""
    frozen = store.reference_windows(connection, scope.channel, scope.version)
    if not frozen:
        return None
    days = days_until(connection, settings, scope)
    profiles = latest_profiles(days.profiles, scope.window.day, METRICS[metric].days)
    return add(profiles), frozen_reference(connection, settings, scope, frozen)


def _column(result: Result, window: Profile, reference: Reference) -> PicturedColumn:
    name = result.column_name
    grouping = reference.groupings[name]
    shown = result.status == Status.SHOWN
    return PicturedColumn(
        name,
        grouping.names,
        reference.total(name),
        grouping.grouped(window.counts[name]),
        float(result.value or 0.0),
        NEVER if shown else float(result.threshold or NEVER),
        result.status in ALARMS,
    )
