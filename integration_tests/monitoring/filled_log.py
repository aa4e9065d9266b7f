"""A prediction log in which everything has happened that dashboards show.

Monitoring itself closes the windows, opens the incidents and starts the retraining.
"""

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
import pandas as pd

from evidently_service.monitor import Monitor
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    complete_until,
    report,
)
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.production_changes import keep_production
from vehicle_price.prediction_log.rows import ModelRow, Rows, ShadowRow
from vehicle_price.prediction_log.writer import insert
from vehicle_price.settings import Settings

LEARNT, REPORTS, KEYS = 14, 300, 12
SHADOW = ModelRow("vehicle-price", "8", "run-8", "e" * 64, "c" * 40)
NEWEST_LISTING = "evidently_service.retraining_job.newest_day"


def fill(connection: Connection) -> None:
    """Two quiet weeks, a quiet day with feedback, then odometers in kilometres and dearer cars."""
    airflow, registry = FakeAirflow(), FakeRegistry()
    monitor = Monitor(Settings(), airflow, lambda: registry)
    with patch(NEWEST_LISTING, lambda _: "2026-04-01"):
        for day in range(LEARNT):
            add_day(connection, day)
        _close(connection, monitor, LEARNT)
        _reported_day(connection, LEARNT, made_up(600, seed=LEARNT), 1.0)
        in_kilometres = made_up(600, seed=LEARNT + 1)
        in_kilometres["odometer"] = in_kilometres["odometer"] * 1609 // 1000
        ids = _reported_day(connection, LEARNT + 1, in_kilometres, 1.25)
        _close(connection, monitor, LEARNT + 2)
        airflow.state, registry.verdict = "success", "promoted"
        monitor.step(connection, LATER)
        add_day(connection, LEARNT + 2)
        _close(connection, monitor, LEARNT + 3)
    keep_production(connection, SHADOW.version)
    _price_in_shadow(connection, ids, in_kilometres)


def _close(connection: Connection, monitor: Monitor, until: int) -> None:
    complete_until(connection, until)
    monitor.step(connection, LATER)


def _reported_day(
    connection: Connection, day: int, requests: pd.DataFrame, ratio: float
) -> Sequence[str]:
    noise = np.exp(np.random.default_rng(day).normal(0, 0.12, REPORTS))
    ids = add_day(connection, day, requests)
    report(connection, ids[:REPORTS], requests["price"][:REPORTS] * noise * ratio, KEYS, day)
    return ids


def _price_in_shadow(connection: Connection, ids: Sequence[str], requests: pd.DataFrame) -> None:
    shadows = [
        ShadowRow(
            prediction_id,
            SHADOW.run_id,
            SHADOW.version,
            FIRST_DAY.isoformat(),
            int(price * 1.2),
            int(price),
            int(price * 1.5),
        )
        for prediction_id, price in zip(ids, requests["price"], strict=True)
    ]
    insert(connection, Rows(models=[SHADOW], shadows=shadows))
