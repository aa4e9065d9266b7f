"""Skew of closed windows: how their requests differ from the training rows of what serves."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from evidently_service.drift_job import CHANNELS
from evidently_service.results import Scope, result
from evidently_service.windows import window_at
from vehicle_price.monitoring.profiles.profile import Profile
from vehicle_price.monitoring.skew import skew
from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log import monitoring_store as store
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import PRODUCTION, TRAINING_PROFILE
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

METRIC = "skew"
LATEST_WINDOWS = 7  # that get their rows later, if the registry was away when they closed


class SkewJob:
    """Writes the rows of each closed window once, with the version that serves then.

    The profile of a version's training rows is read once.
    """

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.monitoring_window_seconds
        self._training: dict[str, Profile | str] = {}

    def step(self, connection: Connection, registry: Registry, latest: datetime) -> None:
        """Write the rows that closed windows lack. latest: the end of the last closed window.

        Raises RegistryError, and psycopg2's errors: then the rows are written later.
        """
        since = latest - timedelta(seconds=LATEST_WINDOWS * self._seconds)
        lacking = store.windows_without(connection, store.WINDOWS_CLOSED, METRIC, since)
        serving = registry.version(PRODUCTION) if lacking else None
        if serving is None:
            return
        training = self._training_profile(registry, serving)
        for start in lacking:
            whole = Scope(window_at(start, self._seconds), "", serving.version)
            store.put_results(connection, list(_results(connection, whole, training)))

    def _training_profile(self, registry: Registry, serving: ModelVersion) -> Profile | str:
        if serving.version not in self._training:
            self._training[serving.version] = _read(registry, serving)
        return self._training[serving.version]


def _read(registry: Registry, version: ModelVersion) -> Profile | str:
    """The profile of a version's training rows, or why there is none."""
    try:
        stored = registry.json_of_run(version, TRAINING_PROFILE)
        if stored is not None:
            training = Profile.from_json(stored)
            skew(training, training)  # fails here, and not with each window, if it is damaged
            return training
        missing = "it was registered before profiles were kept"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        missing = f"the file in its run is damaged ({error!r})"
    reason = (
        f"version {version.version} has no profile of its training rows, {TRAINING_PROFILE}: "
        f"{missing}. The next version has one (`make retrain`)"
    )
    log.warning("no skew is computed: %s", reason)
    return reason


def _results(connection: Connection, whole: Scope, training: Profile | str) -> Iterator[Result]:
    """The columns of each channel, and the row of the whole window, which says that they are
    written, or why there are none."""
    if isinstance(training, str):
        details = {"missing": training}
        yield result(whole, METRIC, Status.NOT_ENOUGH_DATA, 0, details=details)
        return
    rows = 0
    for channel in CHANNELS:
        stored = store.profile_of(connection, channel, "", whole.window.start)
        if stored is None:
            continue
        requests = Profile.from_json(stored)
        rows += requests.rows
        yield from _of_columns(whole._replace(channel=channel), requests, training)
    yield result(whole, METRIC, Status.SHOWN, rows)


def _of_columns(scope: Scope, requests: Profile, training: Profile) -> Iterator[Result]:
    for one in skew(requests, training):
        details = {"blank": one.blank, "training_blank": one.training_blank}
        figures = {"value": one.distance, "details": details}
        yield result(scope, METRIC, Status.SHOWN, requests.rows, one.column, **figures)
