"""`python -m evidently_service`: monitor until stopped. One process at a time."""

import logging
import os
import sys
import time
from datetime import UTC, datetime
from typing import NamedTuple

from evidently_service.messages.messenger import Messenger
from evidently_service.monitor import NICE, RETRAINING, Monitor
from evidently_service.snapshots.writer import SnapshotWriter
from vehicle_price import log_setup
from vehicle_price.airflow_client import AirflowClient
from vehicle_price.prediction_log.database import (
    address_of,
    advisory_lock,
    connected,
    translated,
)
from vehicle_price.prediction_log.errors import DatabaseUnavailable, InvalidRow
from vehicle_price.prediction_log.migrations.schema import prepare
from vehicle_price.registry.client import Registry
from vehicle_price.settings import Settings

log = logging.getLogger("evidently_service")

LOCK = 7_316_356_414  # key of the advisory lock: any number, the same in every process
SECONDS = 60.0  # for an answer of the database


class Jobs(NamedTuple):
    """What is done at each step."""

    monitor: Monitor
    messenger: Messenger
    snapshots: SnapshotWriter


def main() -> None:
    """Monitor until stopped."""
    settings = Settings.from_environment()
    if settings.retraining not in RETRAINING:
        sys.exit(f"RETRAINING={settings.retraining!r}: expected {', '.join(RETRAINING)}")
    # Windows do not wait for a registry that is away.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    log_setup.configure(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.nice(NICE)
    airflow = AirflowClient(
        settings.airflow_url,
        settings.airflow_username,
        settings.airflow_password_file,
        page_url=settings.airflow_page_url,
    )
    jobs = Jobs(
        Monitor(settings, airflow, lambda: Registry(settings.mlflow_tracking_uri)),
        Messenger(settings),
        SnapshotWriter(settings),
    )
    while True:
        try:
            _run(settings, jobs)
        except (DatabaseUnavailable, InvalidRow) as error:
            log.warning("%s; windows wait, nothing is lost", error)
        time.sleep(settings.monitoring_poll_seconds)


def _run(settings: Settings, jobs: Jobs) -> None:
    """Step as the only writer until the database is away. Raises DatabaseUnavailable."""
    address = address_of(settings)
    prepare(address)
    with (
        advisory_lock(address, LOCK, SECONDS),
        connected(address, SECONDS) as connection,
        translated(address),
    ):
        log.info("monitoring %s", address)
        while True:
            closed = jobs.monitor.step(connection, datetime.now(UTC))
            jobs.messenger.step(connection, datetime.now(UTC))
            jobs.snapshots.step(connection, bool(closed))
            time.sleep(settings.monitoring_poll_seconds)


if __name__ == "__main__":
    main()
