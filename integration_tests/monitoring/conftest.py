"""An empty prediction log in a real PostgreSQL, and a monitor of it with pretended others."""

from datetime import date

import pytest

from evidently_service.monitor import Monitor
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import running_log
from vehicle_price.settings import Settings


@pytest.fixture(name="log")
def fixture_log():
    """A connection to an empty prediction log."""
    with running_log() as (_, connection):
        yield connection


@pytest.fixture(name="airflow")
def fixture_airflow():
    """An Airflow that keeps what is started."""
    return FakeAirflow()


@pytest.fixture(name="registry")
def fixture_registry(monkeypatch):
    """A registry with one version, and a store with newer listings."""
    monkeypatch.setattr(
        "evidently_service.retraining_job.newest_day", lambda _: date(2026, 4, 1).isoformat()
    )
    return FakeRegistry()


@pytest.fixture(name="monitor")
def fixture_monitor(airflow, registry):
    """The monitor of the log."""
    return Monitor(Settings(), airflow, lambda: registry)
