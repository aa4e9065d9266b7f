"""Monitoring over a real PostgreSQL: windows, drift, incidents, changes of production."""

from dataclasses import replace
from datetime import timedelta

from integration_tests.helpers.sql import rows
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    complete_until,
    statuses,
)
from unit_tests.monitoring.requests_made_up import made_up

LEARNT = 14  # days that a reference needs


def learn(connection, monitor):
    """The days that become the reference, closed."""
    for day in range(LEARNT):
        add_day(connection, day)
    complete_until(connection, LEARNT)
    monitor.step(connection, LATER)


def test_a_reference_is_learnt_then_a_feed_in_kilometres_is_an_incident(log, monitor):
    learn(log, monitor)
    assert statuses(log) == ["learning"] * (LEARNT - 1) + ["ok"]
    add_day(log, LEARNT)
    in_kilometres = made_up(600, seed=99)
    add_day(
        log, LEARNT + 1, in_kilometres.assign(odometer=in_kilometres["odometer"] * 1609 // 1000)
    )
    complete_until(log, LEARNT + 2)
    monitor.step(log, LATER)
    assert statuses(log)[-2:] == ["ok", "severe drift"]
    assert statuses(log, column="odometer")[-1] in ("drift", "severe drift")
    ((rule, channel, severity, message),) = rows(
        log, "SELECT rule, channel, severity, message FROM incidents WHERE rule = 'drift_day'"
    )
    assert (rule, channel, severity) == ("drift_day", "api", "page")
    assert "requests of a day: odometer" in message
    add_day(log, LEARNT + 2)
    complete_until(log, LEARNT + 3)
    monitor.step(log, LATER)
    assert rows(log, "SELECT resolved_at IS NULL FROM incidents WHERE rule = 'drift_day'") == [
        (False,)
    ]


def test_windows_without_requests_are_closed_and_say_so(log, monitor):
    add_day(log, 0)
    complete_until(log, 3)
    assert len(monitor.step(log, LATER)) == 3
    assert statuses(log) == ["learning", "not enough data", "not enough data"]


def test_a_window_closes_only_when_every_outbox_is_complete(log, monitor):
    add_day(log, 0)
    complete_until(log, 5)
    complete_until(log, 0.9, "another machine")
    assert monitor.step(log, LATER) == []
    ((message,),) = rows(log, "SELECT message FROM incidents WHERE rule = 'monitoring_stale'")
    assert "another machine" in message
    complete_until(log, 5, "another machine")
    assert monitor.step(log, FIRST_DAY + timedelta(days=1, seconds=599)) == []
    closed = monitor.step(log, FIRST_DAY + timedelta(days=1, seconds=600))
    assert [window.start for window in closed] == [FIRST_DAY]
    assert rows(log, "SELECT resolved_at IS NULL FROM incidents") == [(False,)]


def test_a_repeated_step_writes_the_same_rows(log, monitor):
    learn(log, monitor)
    everything = (
        "SELECT window_start, model_version, channel, metric, column_name, status, value, "
        "threshold, details FROM monitoring_results ORDER BY 1, 2, 3, 4, 5"
    )
    before = rows(log, everything)
    killed_in_between = "DELETE FROM monitoring_results WHERE metric = 'windows_closed'"
    rows(log, f"{killed_in_between} RETURNING 1")
    assert len(monitor.step(log, LATER)) == LEARNT
    assert rows(log, everything) == before


def test_changes_of_production_are_kept_also_before_a_window_has_closed(log, monitor, registry):
    for version in (None, registry.version("production"), registry.version("production")):
        registry.version = lambda _, version=version: version
        monitor.step(log, LATER)
    registry.version = lambda _: replace(version, version="8")
    monitor.step(log, LATER)
    kept = "SELECT model_version, previous_version FROM production_changes ORDER BY change_id"
    assert rows(log, kept) == [("7", None), ("8", "7")]
