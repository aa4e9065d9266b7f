"""A prediction log in a real PostgreSQL, filled with made-up days."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from integration_tests.helpers.sql import rows
from integration_tests.prediction_log.harness import (
    PredictionLogHarness,
    prediction_log_harness,
)
from unit_tests.helpers import tiny
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.prediction_log import completeness
from vehicle_price.prediction_log.database import Address, Connection, connect
from vehicle_price.prediction_log.ids import member_ids, new_id
from vehicle_price.prediction_log.migrations.schema import migrate
from vehicle_price.prediction_log.rows import FeedbackRow, ModelRow, PredictionRow, Rows
from vehicle_price.prediction_log.writer import insert

FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
LISTING = ("year", "manufacturer", "model", "odometer", "condition", "state")
SERVING = ModelRow("vehicle-price", "7", "run-7", "d" * 64, "c" * 40)
LATER = FIRST_DAY + timedelta(days=400)


@contextmanager
def running_log() -> Iterator[tuple[Address, Connection]]:
    """An empty prediction log: its address, and a connection to it."""
    with prediction_log_harness(tiny.valuation("xgboost"), started=False) as harness:
        with new_log(harness) as connection:
            yield harness.database, connection


@contextmanager
def new_log(harness: PredictionLogHarness) -> Iterator[Connection]:
    """The prediction log of a harness that has not been started, empty."""
    harness.postgres.start()
    harness.open_database()
    migrate(harness.database)
    connection = connect(harness.database, 60)
    try:
        yield connection
    finally:
        connection.close()


def add_day(
    connection: Connection, day: int, requests: pd.DataFrame | None = None
) -> Sequence[str]:
    """Log the requests of a day, 600 ordinary ones if none are given; their prediction ids."""
    requests = made_up(600, seed=day) if requests is None else requests
    ids = member_ids(new_id(), len(requests))
    moments = (
        FIRST_DAY
        + timedelta(days=day)
        + np.linspace(0, 80_000, len(requests)) * timedelta(seconds=1)
    )
    predictions = [
        PredictionRow(
            prediction_id,
            moment.isoformat(),
            row["request_id"],
            0,
            None,
            SERVING.run_id,
            SERVING.version,
            "production",
            {name: row[name] for name in LISTING if row[name] is not None},
            int(row["price"]),
            int(row["low"]),
            int(row["high"]),
            (),
            "api",
            f"key {row['caller']}",
        )
        for prediction_id, moment, row in zip(
            ids, moments, requests.to_dict("records"), strict=True
        )
    ]
    insert(connection, Rows(models=[SERVING], predictions=predictions))
    return ids


def report(
    connection: Connection, ids: Sequence[str], prices: Sequence[float], keys: int, day: int
) -> None:
    """Report prices of predictions, by so many keys in turn, a day later."""
    at = (FIRST_DAY + timedelta(days=day + 1)).isoformat()
    feedback = [
        FeedbackRow(prediction_id, int(price), at, f"dealer-{n % keys}")
        for n, (prediction_id, price) in enumerate(zip(ids, prices, strict=True))
    ]
    insert(connection, Rows(feedback=feedback))


def complete_until(connection: Connection, day: float, instance: str = "here") -> None:
    """Report that an outbox is empty up to the beginning of that day."""
    until = FIRST_DAY + timedelta(days=day)
    completeness.report(connection, instance, until.timestamp())


def add_dear_reports(connection, day=0, keys=12):
    """A day of which 60 prices are reported 25 % higher, by so many keys."""
    requests = made_up(600, seed=1)
    ids = add_day(connection, day, requests)
    report(connection, ids[:60], requests["price"][:60] * 1.25, keys, day)


def statuses(connection, metric="drift_day", column=""):
    """The statuses of the channel `api` by window, oldest first."""
    sql = (
        "SELECT status FROM monitoring_results WHERE metric = %s AND column_name = %s "
        "AND channel IN ('api', '') AND model_version IN ('', '7') ORDER BY window_start"
    )
    if metric.startswith("drift"):
        sql = sql.replace("IN ('', '7')", "= ''")
    return [status for (status,) in rows(connection, sql, metric, column)]
