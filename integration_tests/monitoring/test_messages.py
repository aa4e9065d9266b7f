"""Incidents of a real PostgreSQL reach real receivers over HTTP, each once."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from evidently_service.messages.messenger import Messenger
from evidently_service.monitor import Monitor
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import (
    LATER,
    add_day,
    complete_until,
    report,
    running_log,
)
from integration_tests.monitoring.receiver import receivers
from setup.native.environment import ROOT
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.pipelines import run_incidents
from vehicle_price.prediction_log import incidents as incidents_table
from vehicle_price.prediction_log.incidents import Incident, open_incident, resolve_incident
from vehicle_price.settings import Settings

STEPS = 100


@pytest.fixture(name="stand", scope="module")
def _stand():
    with running_log() as stand:
        yield stand


@pytest.fixture(name="log", scope="module")
def _log(stand):
    return stand[1]


@pytest.fixture(name="settings")
def _settings(log, stand, tmp_path):
    with log, log.cursor() as cursor:
        cursor.execute("TRUNCATE incidents, retrainings, predictions, feedback, monitoring_results")
        cursor.execute("TRUNCATE monitoring_profiles, monitoring_references, forwarders")
    return replace(
        Settings(),
        alert_urls_file=str(tmp_path / "alert_urls"),
        prediction_database_url=stand[0].url,
        prediction_database_password_file=stand[0].password_file,
    )


@pytest.fixture(name="file")
def _file(settings, tmp_path):
    assert settings
    return tmp_path / "alert_urls"


def test_a_dag_whose_runs_fail_is_told_once_and_its_next_success_once(log, settings, file):
    with receivers(file) as (receiver,):
        for night in range(3):
            run_incidents.run_failed(settings, "ingest_listings", f"scheduled__{night}", "ingest")
            steps(log, settings, 2)
        (told,) = receiver.messages
        assert "warn: dag_run_failed (ingest_listings)" in told["title"]
        assert "in the task ingest" in told["message"] and "scheduled__0" in told["message"]
        run_incidents.run_succeeded(settings, "train_vehicle_price")  # of another DAG
        assert steps(log, settings) == 0
        for _ in range(2):
            run_incidents.run_succeeded(settings, "ingest_listings")
            steps(log, settings, 2)
        assert "resolved: dag_run_failed (ingest_listings)" in receiver.messages[1]["title"]
        assert len(receiver.messages) == 2


def happen(connection, rule="drift_day", channel="api", severity="page", text="odometer 0.335"):
    """An incident opens, or is renewed."""
    open_incident(connection, Incident(rule, channel, severity, text, {"value": 0.335}))


def steps(connection, settings, count=1, after=timedelta()):
    """Steps of new processes; the number of messages."""
    now = datetime.now(UTC) + after
    return sum(Messenger(settings).step(connection, now) for _ in range(count))


def test_an_incident_is_one_message_and_its_end_another_however_often_it_is_renewed(
    log, settings, file
):
    with receivers(file) as (receiver,):
        for number in range(STEPS):
            happen(log, text=f"odometer {number}")
            steps(log, settings)
        (opened,) = receiver.texts("drift_day (api)")
        assert "page: drift_day" in opened and "odometer 0" in opened
        assert receiver.messages[0]["type"] == "failure"
        resolve_incident(log, "drift_day", "api")
        assert steps(log, settings, STEPS) == 1
        assert len(receiver.texts("resolved: drift_day (api)")) == 1 == len(receiver.messages) - 1
        assert receiver.messages[1]["type"] == "success"
    assert rows(
        log, "SELECT notified_at IS NULL, resolution_notified_at IS NULL FROM incidents"
    ) == [(False, False)]


def test_incidents_that_open_in_one_step_are_one_message_and_an_info_is_none(log, settings, file):
    happen(log)
    happen(log, "performance_bias", "")
    happen(log, "prices_are_shown", "", severity="info")
    with receivers(file) as (receiver,):
        assert steps(log, settings, STEPS) == 1
        (message,) = receiver.texts("2 incidents")
        assert "drift_day (api)" in message and "performance_bias" in message
        assert not receiver.texts("prices_are_shown")


def test_a_receiver_that_is_down_gets_everything_later_and_the_other_one_nothing_twice(
    log, settings, file, caplog
):
    messenger = Messenger(settings)
    with receivers(file, count=2) as (down, up):
        down.stop()
        happen(log)
        happen(log, "drift_week")
        for _ in range(STEPS):
            messenger.step(log, datetime.now(UTC))
        resolve_incident(log, "drift_week", "api")
        messenger.step(log, datetime.now(UTC))
        assert (len(down.messages), len(up.messages)) == (0, 2)
        assert rows(log, "SELECT count(notified_at) FROM incidents") == [(0,)]
        down.start()
        for _ in range(STEPS):
            messenger.step(log, datetime.now(UTC))
        assert (len(down.messages), len(up.messages)) == (2, 2)
        assert len(down.texts("drift_day (api)")) == 1 == len(down.texts("drift_week (api)"))
    assert rows(log, "SELECT count(notified_at) FROM incidents") == [(2,)]
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    (warning,) = [record.getMessage() for record in warnings]
    assert f"127.0.0.1:{down.port}" in warning and "secret" not in warning


def test_a_process_killed_between_sending_and_marking_doubles_this_one_message_only(
    log, settings, file, monkeypatch
):
    happen(log)
    with receivers(file, count=2) as (first, second):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(incidents_table, "record_told", _killed)
            steps(log, settings)
        assert (len(first.messages), len(second.messages)) == (1, 0)
        steps(log, settings, STEPS)
        assert (len(first.messages), len(second.messages)) == (2, 1)


def _killed(*_):
    raise KeyboardInterrupt


def test_an_open_incident_is_told_again_after_its_interval(log, settings, file):
    happen(log)
    happen(log, "monitoring_stale", "")
    with receivers(file) as (receiver,):
        sent = [steps(log, settings, 3, timedelta(hours=hours)) for hours in (0, 4.1, 12.2)]
        assert sent == [1, 1, 1]
        titles = [message["title"].partition(": ")[2] for message in receiver.messages]
        assert titles == ["2 incidents", "monitoring_stale", "2 incidents"]


def test_without_receivers_incidents_are_stored_and_a_later_receiver_gets_the_open_ones(
    log, settings, file, caplog
):
    caplog.set_level("INFO")
    messenger = Messenger(settings)
    happen(log)
    for _ in range(STEPS):
        assert messenger.step(log, datetime.now(UTC)) == 0
    assert len([r for r in caplog.records if "only stored and logged" in r.getMessage()]) == 1
    with receivers(file) as (receiver,):
        messenger.step(log, datetime.now(UTC))
        assert len(receiver.texts("drift_day (api)")) == 1


def test_a_hundred_alerts_within_a_minute_are_one_retraining_and_one_message_for_each_incident(
    log, settings, file, monkeypatch
):
    monkeypatch.setattr(
        "evidently_service.retraining_job.newest_day", lambda _: date(2026, 4, 1).isoformat()
    )
    airflow, registry = FakeAirflow(), FakeRegistry()
    requests = made_up(600, seed=1)
    ids = add_day(log, 0, requests)
    report(log, ids[:120], requests["price"][:120] * 1.6, keys=12, day=0)
    complete_until(log, 1)
    with receivers(file) as (receiver,):
        for _ in range(STEPS):
            Monitor(settings, airflow, lambda: registry).step(log, LATER)
            steps(log, settings)
        incidents = [rule for (rule,) in rows(log, "SELECT rule FROM incidents")]
        assert len(incidents) >= 3 and len(set(incidents)) == len(incidents)
        text = "\n".join(receiver.texts(""))
        assert [text.count(f"{rule}, page: open since") for rule in incidents] == [1] * len(
            incidents
        )
    assert len(airflow.started) == 1
    assert rows(log, "SELECT count(*) FROM retrainings") == [(1,)]


def trial(file):
    """The command that tries the receivers: its status and what it prints."""
    command = [sys.executable, "-m", "evidently_service.messages", "--test"]
    environ = os.environ | {"ALERT_URLS_FILE": str(file)}
    ended = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_the_trial_message_reaches_each_receiver_or_says_why_not(file):
    assert trial(file) == (1, f"{file} names no receiver; incidents are only stored and logged\n")
    with receivers(file, count=2) as (one, other):
        other.stop()
        status, printed = trial(file)
        assert status == 1 and len(one.texts("trial message")) == 1
        assert f"127.0.0.1:{one.port} took the message" in printed
        assert f"127.0.0.1:{other.port} took no message" in printed and "secret" not in printed
