"""Monitoring as `benchmarks.monitoring_load` runs it: closes of one busy window, and idle."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import million_predictions
from benchmarks.harness.own_process import peak_mb
from benchmarks.harness.servers import Server, running_process
from evidently_service.incident_rules import NOT_JUDGED
from evidently_service.monitor import NICE, Monitor
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import FIRST_DAY, LATER, complete_until
from vehicle_price.prediction_log.database import Address, Connection, connected
from vehicle_price.prediction_log.migrations.schema import migrate
from vehicle_price.settings import Settings

REFERENCE_DAYS, A_DAY = 14, 2_000  # that the reference is learnt from; predictions of each
BUSY_DAY = FIRST_DAY.replace(day=1 + REFERENCE_DAYS)
SECONDS = 600.0  # for an answer of the database
REOPEN = "DELETE FROM monitoring_results WHERE window_start >= %s"
STATUSES = """
SELECT status, rows FROM monitoring_results
WHERE metric = 'drift_day' AND column_name = '' AND model_version = '' AND window_start = %s
"""


class Close(NamedTuple):
    """A close of the busy window. seconds: of the clock. cpu_seconds: of the process that closes.
    peak_mb: the most memory that it has had. judged: rows of the channels that were compared with
    a reference."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    judged: int


def learn_reference(url: str) -> None:
    """Fill the log with quiet days and close them; each channel has a reference then."""
    migrate(Address(url))
    with connected(Address(url), SECONDS) as connection:
        million_predictions.add_templates(connection)
        rows = REFERENCE_DAYS * A_DAY
        million_predictions.add_predictions(connection, rows, FIRST_DAY, REFERENCE_DAYS)
        complete_until(connection, REFERENCE_DAYS)
        _monitor().step(connection, LATER)


def add_busy_day(url: str, predictions: int) -> None:
    """Log the predictions of the busy window, which may close from then on."""
    with connected(Address(url), SECONDS) as connection:
        million_predictions.add_predictions(connection, predictions, BUSY_DAY, 1)
        million_predictions.vacuum(connection)
        complete_until(connection, REFERENCE_DAYS + 1)


def close_busy_day(url: str) -> Close:
    """Close the busy window, again if it was closed before."""
    with connected(Address(url), SECONDS) as connection:
        _rows(connection, f"{REOPEN} RETURNING 1")
        cpu, started = time.process_time(), time.perf_counter()
        _monitor().step(connection, LATER)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        judged = [rows for status, rows in _rows(connection, STATUSES) if status not in NOT_JUDGED]
        return Close(seconds, cpu_seconds, peak_mb(), sum(judged))


@contextmanager
def idle_monitoring(work: Path, environ: dict[str, str]) -> Iterator[Server]:
    """`python -m evidently_service` on a log whose windows are all closed."""
    command = [sys.executable, "-m", "evidently_service"]
    with running_process(command, environ, work / "evidently-service.log") as process:
        yield Server(0, process.pid)


@cache
def _monitor() -> Monitor:
    """One for the whole process, which has the priority of `evidently-service`."""
    os.nice(NICE)
    registry = FakeRegistry()
    return Monitor(Settings(retraining="off"), FakeAirflow(), lambda: registry)


def _rows(connection: Connection, sql: str) -> list[tuple]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, (BUSY_DAY,))
        return cursor.fetchall()
