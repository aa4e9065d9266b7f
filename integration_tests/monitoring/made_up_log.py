"""A prediction log in a real PostgreSQL, filled with made-up days."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from integration_tests.prediction_log.harness import prediction_log_harness
from unit_tests.helpers import tiny
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.prediction_log import completeness
from vehicle_price.prediction_log.database import Address, Connection, connect, migrate
from vehicle_price.prediction_log.ids import member_ids, new_id
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
        harness.postgres.start()
        harness.open_database()
        migrate(harness.database)
        connection = connect(harness.database, 60)
        try:
            yield harness.database, connection
        finally:
            connection.close()


def add_day(connection: Connection, day: int, rows: pd.DataFrame | None = None) -> Sequence[str]:
    """Log the requests of a day, 600 ordinary ones if none are given; their prediction ids."""
    rows = made_up(600, seed=day) if rows is None else rows
    ids = member_ids(new_id(), len(rows))
    moments = (
        FIRST_DAY + timedelta(days=day) + np.linspace(0, 80_000, len(rows)) * timedelta(seconds=1)
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
        for prediction_id, moment, row in zip(ids, moments, rows.to_dict("records"), strict=True)
    ]
    insert(connection, Rows(models=[SERVING], predictions=predictions))
    return ids


def report(
    connection: Connection, ids: Sequence[str], prices: Sequence[float], keys: int, day: int
) -> None:
    """Report prices of predictions, by so many keys in turn, a day later."""
    at = (FIRST_DAY + timedelta(days=day + 1)).isoformat()
    rows = [
        FeedbackRow(prediction_id, int(price), at, f"dealer-{n % keys}")
        for n, (prediction_id, price) in enumerate(zip(ids, prices, strict=True))
    ]
    insert(connection, Rows(feedback=rows))


def complete_until(connection: Connection, day: float, instance: str = "here") -> None:
    """Report that an outbox is empty up to the beginning of that day."""
    until = FIRST_DAY + timedelta(days=day)
    completeness.report(connection, instance, until.timestamp())
