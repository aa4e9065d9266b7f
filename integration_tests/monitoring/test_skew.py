"""Skew of closed windows over a real PostgreSQL: shown, never alarmed, written once."""

from datetime import timedelta

import pytest

from evidently_service.monitor import Monitor
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    complete_until,
    running_log,
)
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring.skew import COLUMNS
from vehicle_price.registry.client import RegistryError
from vehicle_price.registry.names import TRAINING_PROFILE
from vehicle_price.settings import Settings

AGED = ("age", "odometer_per_year")
NO_NUMBER = {
    "rows": 1,
    "effective": 1,
    "few_callers": 0,
    "counts": {"age": {"3": "many"}},
    "clustering": {"age": []},
}
COLUMN_ROWS = """
SELECT window_start, column_name, channel, model_version, status, rows, value, details
FROM monitoring_results WHERE metric = 'skew' AND column_name <> '' ORDER BY 1, 2
"""
WHOLE = """
SELECT window_start, status, details->>'missing' FROM monitoring_results
WHERE metric = 'skew' AND column_name = '' ORDER BY 1
"""


@pytest.fixture(name="log")
def _log():
    with running_log() as (_, connection):
        yield connection


@pytest.fixture(name="registry")
def _registry():
    return FakeRegistry()


def close(connection, registry, days):
    """Close these days by a new process, with as many steps as there are days."""
    monitor = Monitor(Settings(retraining="off"), FakeAirflow(), lambda: registry)
    for day in days:
        complete_until(connection, day + 1)
        monitor.step(connection, LATER)


def test_each_column_of_a_closed_day_is_compared_with_the_training_rows(log, registry):
    add_day(log, 0)
    add_day(log, 1, made_up(600, seed=1).assign(condition=None, manufacturer="bmw"))
    close(log, registry, (0, 1))
    found = rows(log, COLUMN_ROWS)
    usual, unusual = (
        {row[1]: row for row in found if row[0] == FIRST_DAY + timedelta(days=day)}
        for day in (0, 1)
    )
    assert set(usual) == set(unusual) == {watched.name for watched in COLUMNS}
    assert {row[2:6] for row in found} == {("api", "7", "shown", 600)}
    # The cars are those of the training rows, asked for five years later.
    assert usual["age"][6] > 0.2
    assert all(row[6] < 0.2 for name, row in usual.items() if name not in AGED)
    assert unusual["manufacturer"][6] > 0.5
    assert unusual["condition"][7]["blank"] == 1
    assert usual["condition"][7]["blank"] == pytest.approx(0.3, abs=0.1)
    assert usual["condition"][7]["training_blank"] == pytest.approx(0.3, abs=0.05)
    assert registry.read == [TRAINING_PROFILE]  # once
    assert not rows(log, "SELECT 1 FROM incidents WHERE rule = 'skew'")


def test_a_version_without_a_profile_has_no_rows_and_the_reason_is_stored(log, registry):
    registry.run_files.clear()
    add_day(log, 0)
    close(log, registry, (0,))
    assert not rows(log, COLUMN_ROWS)
    ((start, status, reason),) = rows(log, WHOLE)
    assert (start, status) == (FIRST_DAY, "not enough data")
    assert "version 7 has no profile of its training rows" in reason and "make retrain" in reason


@pytest.mark.parametrize("damaged", [{}, [], {"rows": 1, "counts": 3}, {"rows": "many"}, NO_NUMBER])
def test_a_profile_that_cannot_be_read_gives_no_rows(log, registry, damaged):
    registry.run_files[TRAINING_PROFILE] = damaged
    add_day(log, 0)
    close(log, registry, (0,))
    ((_, _, reason),) = rows(log, WHOLE)
    assert not rows(log, COLUMN_ROWS) and "damaged" in reason


def test_a_registry_that_was_away_delays_the_rows_and_a_new_process_writes_none_again(
    log, registry
):
    def away(*_):
        raise RegistryError("MLflow does not answer")

    add_day(log, 0)
    registry.json_of_run, answers = away, registry.json_of_run
    close(log, registry, (0,))
    assert not rows(log, WHOLE)
    registry.json_of_run = answers
    close(log, registry, (0,))
    assert len(rows(log, WHOLE)) == 1
    written = rows(log, "SELECT as_of FROM monitoring_results WHERE metric = 'skew' ORDER BY 1")
    close(log, registry, (0,))
    again = rows(log, "SELECT as_of FROM monitoring_results WHERE metric = 'skew' ORDER BY 1")
    assert again == written
