"""Service and Streamlit on a prediction log that monitoring has filled."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import requests

from integration_tests.helpers.ports import HOST, free_port
from integration_tests.helpers.processes import SupervisedProcess
from integration_tests.helpers.service import read_api_key
from integration_tests.helpers.waiting import wait_until
from integration_tests.monitoring import filled_log, made_up_log
from integration_tests.prediction_log.harness import PredictionLogHarness, prediction_log_harness
from unit_tests.helpers import tiny
from vehicle_price.prediction_log.database import Connection

# Monitoring acts now, and windows are older: its deeds move into the last but one window.
MOVED = """
UPDATE retrainings SET started_at = %(start)s, ended_at = %(start)s + interval '50 minutes';
UPDATE production_changes SET changed_at = %(start)s - interval '14 days'
WHERE previous_version IS NULL;
UPDATE production_changes SET changed_at = %(start)s + interval '55 minutes'
WHERE previous_version IS NOT NULL;
UPDATE incidents SET opened_at = %(start)s, last_seen_at = %(start)s + interval '1 day',
       resolved_at = CASE WHEN resolved_at IS NOT NULL THEN %(start)s + interval '24 hours' END;
"""
DAYS = filled_log.LEARNT + 3  # that are filled
STREAMLIT_SECONDS = 60


class RunningPage(NamedTuple):
    """url: of the page Monitoring."""

    harness: PredictionLogHarness
    url: str

    @property
    def service_url(self) -> str:
        """Address of the service."""
        return f"http://{HOST}:{self.harness.service_port}"

    @property
    def key(self) -> str:
        """The key for monitoring."""
        return read_api_key(self.harness.folder, "monitoring_key")


@contextmanager
def running_page() -> Iterator[RunningPage]:
    """PostgreSQL with a filled log, the service and Streamlit; no monitoring runs."""
    with prediction_log_harness(tiny.valuation("xgboost"), started=False) as harness:
        with made_up_log.new_log(harness) as connection:
            fill_until_today(connection)
        harness.service.start()
        harness.wait_for_service()
        with running_streamlit(harness.folder, harness.environ) as url:
            yield RunningPage(harness, url)


def fill_until_today(connection: Connection) -> None:
    """The filled log, with a last window that has ended today."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS)
    with (
        patch.object(made_up_log, "FIRST_DAY", first),
        patch.object(filled_log, "FIRST_DAY", first),
        patch.object(filled_log, "LATER", today + timedelta(hours=1)),
    ):
        filled_log.fill(connection)
    with connection, connection.cursor() as cursor:
        cursor.execute(MOVED, {"start": today - timedelta(days=1, hours=-5)})


@contextmanager
def running_streamlit(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """Streamlit as supervisord starts it; the address of the page Monitoring."""
    port = free_port()
    options = ["--server.address", HOST, "--server.port", str(port), "--server.headless", "true"]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit/Home.py", *options]
    process = SupervisedProcess(command, dict(os.environ) | environ, folder / "streamlit.log")
    process.start()
    try:
        wait_until(lambda: _answers(f"http://{HOST}:{port}/_stcore/health"), STREAMLIT_SECONDS)
        yield f"http://{HOST}:{port}/Monitoring"
    finally:
        process.stop()


def _answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False
