"""Monitoring over a real PostgreSQL: windows, drift, performance, incidents, one retraining."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from evidently_service.monitor import Monitor
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    complete_until,
    report,
    running_log,
)
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.settings import Settings

LEARNT = 14  # days that a reference needs


@pytest.fixture(name="log")
def _log():
    with running_log() as (_, connection):
        yield connection


@pytest.fixture(name="airflow")
def _airflow():
    return FakeAirflow()


@pytest.fixture(name="registry")
def _registry(monkeypatch):
    monkeypatch.setattr(
        "evidently_service.retraining_job.newest_day", lambda _: date(2026, 4, 1).isoformat()
    )
    return FakeRegistry()


@pytest.fixture(name="monitor")
def _monitor(airflow, registry):
    return Monitor(Settings(), airflow, lambda: registry)


def rows(connection, sql, *values):
    """The rows that a query gives."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def statuses(connection, metric="drift_day", column=""):
    """The statuses of the channel `api` by window, oldest first."""
    sql = (
        "SELECT status FROM monitoring_results WHERE metric = %s AND column_name = %s "
        "AND channel IN ('api', '') AND model_version IN ('', '7') ORDER BY window_start"
    )
    if metric.startswith("drift"):
        sql = sql.replace("IN ('', '7')", "= ''")
    return [status for (status,) in rows(connection, sql, metric, column)]


def learn(connection, monitor):
    """The days that become the reference, closed."""
    for day in range(LEARNT):
        add_day(connection, day)
    complete_until(connection, LEARNT)
    monitor.step(connection, LATER)


def add_dear_reports(connection, day=0, keys=12):
    """A day of which 60 prices are reported 25 % higher, by so many keys."""
    requests = made_up(600, seed=1)
    ids = add_day(connection, day, requests)
    report(connection, ids[:60], requests["price"][:60] * 1.25, keys, day)


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


def test_a_jump_of_reported_prices_starts_one_retraining_with_its_size(
    log, monitor, airflow, registry
):
    requests = made_up(600, seed=1)
    ids = add_day(log, 0, requests)
    complete_until(log, 1)
    monitor.step(log, LATER)
    assert not airflow.started
    noise = np.exp(np.random.default_rng(1).normal(0, 0.15, 60))
    report(log, ids[:60], requests["price"][:60] * noise * 1.25, keys=12, day=0)
    for _ in range(20):
        monitor.step(log, LATER)
    assert statuses(log, "performance_bias") == ["drift"]
    ((conf,),) = [airflow.started.values()]
    assert conf["price_shift"] == pytest.approx(np.log(1.25), abs=0.08)
    airflow.state, registry.verdict = "success", "promoted"
    monitor.step(log, LATER)
    outcome = ("promoted", "version 8; ok: a gain of 12 USD")
    assert rows(log, "SELECT state, outcome FROM retrainings") == [outcome]
    for _ in range(5):  # the old window still says what it said: the cool-down holds
        monitor.step(log, LATER)
    assert len(airflow.started) == 1


def test_feedback_on_an_older_window_counts_however_late_it_comes(log, monitor, airflow):
    """It was received soon, and reaches the database after windows without feedback have closed."""
    requests = made_up(600, seed=1)
    ids = add_day(log, 0, requests)
    for day in (1, 2):
        add_day(log, day)
    complete_until(log, 1)
    monitor.step(log, LATER)
    complete_until(log, 1.5)  # a second outbox is behind: its feedback was received on day 1
    complete_until(log, 3, "another machine")
    monitor.step(log, LATER)
    report(log, ids[:60], requests["price"][:60] * 1.25, keys=12, day=1)
    complete_until(log, 3)
    monitor.step(log, LATER)
    assert statuses(log, "performance_bias") == ["drift", "not enough data", "not enough data"]
    assert len(airflow.started) == 1


def test_two_refusals_stop_retraining_and_page_until_another_version_serves(
    log, monitor, airflow, registry
):
    airflow.state, registry.verdict = "success", "refused"
    for day in range(4):
        add_dear_reports(log, day)
        # A retraining answers the windows before it, and these are long ago.
        rows(log, "UPDATE retrainings SET started_at = %s RETURNING 1", FIRST_DAY)
        complete_until(log, day + 1)
        monitor.step(log, LATER)
        monitor.step(log, LATER)
    refused = ("refused", "version 8; refused: dearer with more miles")
    assert rows(log, "SELECT state, outcome FROM retrainings") == [refused, refused]
    stopped = (
        "SELECT severity, resolved_at IS NULL FROM incidents WHERE rule = 'retraining_stopped'"
    )
    assert rows(log, stopped) == [("page", True)]
    rows(log, """UPDATE retrainings SET cause = cause || '{"serving": "6"}' RETURNING 1""")
    monitor.step(log, LATER)
    assert rows(log, stopped) == [("page", False)]


def test_a_retraining_that_airflow_never_got_is_started_again(log, monitor, airflow):
    add_dear_reports(log)
    complete_until(log, 1)
    monitor.step(log, LATER)
    ((run_id,),) = rows(log, "SELECT dag_run_id FROM retrainings")
    airflow.started.clear()  # recorded, and the process killed before it asked Airflow
    monitor.step(log, LATER)
    assert list(airflow.started) == [run_id]


@pytest.fixture(name="with_approval")
def _with_approval(airflow, registry):
    settings = replace(Settings(), retraining="approve")
    return Monitor(settings, airflow, lambda: registry)


APPROVAL = "SELECT message, resolved_at IS NULL FROM incidents WHERE rule = 'retraining_approval'"


def test_a_retraining_waits_for_a_person_and_starts_when_they_agree(
    log, with_approval, airflow, registry
):
    add_dear_reports(log)
    complete_until(log, 1)
    for _ in range(3):
        with_approval.step(log, LATER)
    ((run_id, conf),) = airflow.questions.items()
    assert not airflow.started
    assert conf["run_id"] == run_id and "bias" in conf["causes"]
    ((message, is_open),) = rows(log, APPROVAL)
    assert (
        is_open and f"http://airflow/dags/approve_retraining/runs/{run_id}/tasks/approve" in message
    )
    airflow.started[run_id] = {}  # what the DAG does once a person has agreed
    with_approval.step(log, LATER)
    assert not rows(log, APPROVAL)[0][1]
    airflow.state, registry.verdict = "success", "promoted"
    with_approval.step(log, LATER)
    assert rows(log, "SELECT state FROM retrainings") == [("promoted",)]


def test_a_person_may_reject_a_retraining_and_two_rejections_stop_them(log, with_approval, airflow):
    airflow.state = "success"  # of the question, whose training never got a run
    for day in range(3):
        add_dear_reports(log, day)
        rows(log, "UPDATE retrainings SET started_at = %s RETURNING 1", FIRST_DAY)
        complete_until(log, day + 1)
        with_approval.step(log, LATER)
        with_approval.step(log, LATER)
    assert rows(log, "SELECT state FROM retrainings") == [("rejected",), ("rejected",)]
    assert rows(log, "SELECT severity FROM incidents WHERE rule = 'retraining_stopped'") == [
        ("page",)
    ]
    assert not airflow.started


def test_a_question_that_failed_is_a_failed_retraining(log, with_approval, airflow):
    airflow.state = "failed"
    add_dear_reports(log)
    complete_until(log, 1)
    with_approval.step(log, LATER)
    with_approval.step(log, LATER)
    assert rows(log, "SELECT state FROM retrainings") == [("failed",)]
    assert not airflow.started


def test_a_store_that_does_not_answer_is_a_warning_then_a_page_and_starts_nothing(
    log, monitor, airflow, registry, monkeypatch
):
    del registry

    def away(_):
        raise OSError("no such bucket")

    monkeypatch.setattr("evidently_service.retraining_job.newest_day", away)
    add_dear_reports(log)
    complete_until(log, 1)
    monitor.step(log, LATER)
    undecided = (
        "SELECT severity, resolved_at IS NULL FROM incidents WHERE rule = 'retraining_undecided'"
    )
    assert rows(log, undecided) == [("warn", True)] and not airflow.started
    rows(log, "UPDATE incidents SET opened_at = opened_at - interval '2 days' RETURNING 1")
    monitor.step(log, LATER)
    assert rows(log, undecided) == [("page", True)] and not airflow.started
    monkeypatch.setattr("evidently_service.retraining_job.newest_day", lambda _: "2026-04-01")
    monitor.step(log, LATER)
    assert rows(log, undecided) == [("page", False)] and len(airflow.started) == 1


def test_feedback_of_few_keys_is_a_warning_and_starts_nothing(log, monitor, airflow):
    add_dear_reports(log, keys=3)
    complete_until(log, 1)
    monitor.step(log, LATER)
    assert statuses(log, "performance_bias") == ["few callers"]
    assert rows(log, "SELECT severity FROM incidents WHERE rule = 'performance_bias'") == [
        ("warn",)
    ]
    assert not airflow.started


def test_changes_of_production_are_kept_also_before_a_window_has_closed(log, monitor, registry):
    for version in (None, registry.version("production"), registry.version("production")):
        registry.version = lambda _, version=version: version
        monitor.step(log, LATER)
    registry.version = lambda _: replace(version, version="8")
    monitor.step(log, LATER)
    kept = "SELECT model_version, previous_version FROM production_changes ORDER BY change_id"
    assert rows(log, kept) == [("7", None), ("8", "7")]
