"""What has reached its age, and what stays: open, late, referred to, or still needed."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from evidently_service.archive.daily import DailyArchive
from evidently_service.archive.plan import make_plan, work_of
from integration_tests.archive.old_log import (
    DAYS,
    EACH,
    OLD,
    SETTINGS,
    archived,
    close_windows,
    environ_of,
    ids_of,
    run,
    start,
    stored,
)
from integration_tests.helpers.sql import rows
from integration_tests.helpers.waiting import wait_until
from integration_tests.monitoring.made_up_log import FIRST_DAY, complete_until
from vehicle_price.prediction_log.retention.pruning import count_old, delete_old


@pytest.mark.parametrize(
    ("settings", "complete", "expected"),
    [
        (SETTINGS, OLD + 5, OLD),
        (SETTINGS, OLD + 4.9, OLD - 1),  # an outbox is behind
        (replace(SETTINGS, retention_predictions_days=0), OLD + 5, None),
        (replace(SETTINGS, monitoring_horizon_windows=6), OLD + 5, OLD - 2),
    ],
)
def test_what_may_still_be_needed_is_not_archived(log, settings, complete, expected):
    _, connection = log
    complete_until(connection, complete, "another machine")
    before = make_plan(connection, settings).archive_before
    assert before == (None if expected is None else FIRST_DAY + timedelta(days=expected))


def test_nothing_is_archived_or_deleted_before_a_window_was_closed(log):
    _, connection = log
    rows(connection, "DELETE FROM monitoring_results RETURNING 1")
    plan = make_plan(connection, replace(SETTINGS, retention_incidents_days=1))
    assert plan.archive_before is None and not plan.limits
    assert not work_of(connection, plan).is_any


def test_old_rows_of_monitoring_are_deleted_but_not_what_is_open_or_referred_to(log):
    _, connection = log
    insert_old = """
    INSERT INTO incidents (rule, channel, severity, message, details, resolved_at) VALUES
        ('open', '', 'warn', '', '{}', NULL), ('old', '', 'warn', '', '{}', '2020-01-01');
    INSERT INTO retrainings (state, cause, dag_run_id, started_at, ended_at)
    SELECT 'promoted', '{}', 'run-' || n, '2020-01-01', '2020-01-01' FROM generate_series(1, 53) n;
    INSERT INTO retrainings (state, cause, dag_run_id, started_at)
    VALUES ('open', '{}', 'open', '2020-01-01');
    INSERT INTO production_changes (changed_at, model_version) VALUES ('2020-01-01', '5');
    UPDATE production_changes SET changed_at = '2020-01-01';
    INSERT INTO monitoring_profiles SELECT 'api', '', '2020-01-01'::timestamptz + n * interval
        '1 day', '{}' FROM generate_series(0, 9) n;
    INSERT INTO monitoring_references VALUES ('api', '', '{2020-01-03T00:00Z, 2020-01-04T00:00Z}');
    INSERT INTO monitoring_results (window_start, window_end, model_version, role, channel, metric,
        column_name, status, rows, details)
    SELECT '2020-01-01', '2020-01-02', '', '', '', 'm' || n, '', 'ok', 1, '{}'
    FROM generate_series(1, 12) n; SELECT 1
    """
    latest = rows(connection, "SELECT max(window_end) FROM monitoring_results")
    rows(connection, insert_old)
    limits = make_plan(connection, SETTINGS).limits
    expected = {
        "monitoring_profiles": 8,
        "monitoring_results": 12,
        "incidents": 1,
        "retrainings": 4,
        "production_changes": 1,
    }
    assert count_old(connection, limits) == expected
    with patch("vehicle_price.prediction_log.retention.pruning.BATCH", 5):
        assert delete_old(connection, limits) == expected
    assert count_old(connection, limits) == dict.fromkeys(expected, 0)
    assert rows(connection, "SELECT 1 FROM incidents WHERE rule = 'open'")
    assert len(rows(connection, "SELECT 1 FROM retrainings")) == 50
    assert rows(connection, "SELECT max(window_end) FROM monitoring_results") == latest
    for_ever = replace(
        SETTINGS,
        retention_profiles_days=0,
        retention_results_days=0,
        retention_incidents_days=0,
        retention_retrainings_days=0,
        retention_production_changes_days=0,
    )
    assert not make_plan(connection, for_ever).limits


def test_a_dry_run_says_what_would_be_done_and_does_nothing(log, folder, tmp_path):
    address, connection = log
    before = stored(connection)
    output, _ = start(address, tmp_path, "--dry-run").communicate(timeout=60)
    assert f"archive 2026-03-01: {EACH} predictions" in output and "2026-03-04" not in output
    assert stored(connection) == before and not Path(folder.uri).exists()
    run(connection, folder)
    output, _ = start(address, tmp_path, "--dry-run").communicate(timeout=60)
    assert "nothing has reached its age" in output


def test_monitoring_starts_the_archive_once_a_day_and_does_not_wait_for_it(
    log, folder, tmp_path, monkeypatch
):
    address, connection = log
    for name, value in environ_of(address, tmp_path).items():
        monkeypatch.setenv(name, value)
    daily = DailyArchive(SETTINGS)
    for _ in range(3):
        daily.step(connection)
    assert len(ids_of(connection)) == DAYS * EACH
    unfinished = "SELECT 1 FROM archive_files WHERE deleted_at IS NULL"
    wait_until(lambda: len(archived(folder)) == OLD * EACH and not rows(connection, unfinished))
    # On the same day it is not started again, whatever has become old; after a restart it is.
    close_windows(connection, 40)
    with patch("evidently_service.child_process.subprocess.Popen") as started:
        daily.step(connection)
        DailyArchive(replace(SETTINGS, retention_predictions_days=0)).step(connection)
        assert not started.called
    DailyArchive(SETTINGS).step(connection)
    wait_until(lambda: not ids_of(connection))
