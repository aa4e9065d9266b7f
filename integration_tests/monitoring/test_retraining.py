"""Reported prices over a real PostgreSQL: a retraining starts, waits for a person, is stopped."""

from dataclasses import replace

import numpy as np
import pytest

from evidently_service.monitor import Monitor
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    add_dear_reports,
    complete_until,
    report,
    statuses,
)
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.settings import Settings


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


@pytest.mark.parametrize(("gate", "state"), [("success", "promoted"), ("failed", "failed")])
def test_a_run_that_failed_counts_as_the_gate_decided_if_it_did(
    log, monitor, airflow, registry, gate, state
):
    """A run in which one family fails is a failed run; the gate decides on the others."""
    add_dear_reports(log)
    complete_until(log, 1)
    monitor.step(log, LATER)
    airflow.state, airflow.gate, registry.verdict = "failed", gate, "promoted"
    monitor.step(log, LATER)
    assert rows(log, "SELECT state FROM retrainings") == [(state,)]


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
