"""The archive over a real PostgreSQL: old predictions leave it as files, whatever is killed."""

import io
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from psycopg2 import extensions

from evidently_service.archive import job
from evidently_service.archive.daily import DailyArchive
from evidently_service.archive.plan import make_plan, work_of
from evidently_service.monitor import Monitor
from integration_tests.helpers.waiting import wait_until
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    complete_until,
    report,
    running_log,
)
from integration_tests.storage.s3_server import BUCKET, s3_server
from setup.native.environment import ROOT
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.prediction_log.database import advisory_lock
from vehicle_price.prediction_log.errors import PredictionArchived
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.prediction_log.lineage import find_lineage
from vehicle_price.prediction_log.retention.pruning import count_old, delete_old
from vehicle_price.prediction_log.rows import FeedbackRow, ModelRow, Rows, ShadowRow
from vehicle_price.prediction_log.writer import insert
from vehicle_price.settings import Settings
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import LocalFolder, open_folder

DAYS, OLD, EACH = 4, 3, 60  # days with predictions, those that are old enough, predictions a day
SETTINGS = Settings(retention_predictions_days=5, monitoring_horizon_windows=1, retraining="off")
SHADOW = ModelRow("vehicle-price", "8", "run-8", "e" * 64, "c" * 40)
TABLES = ("predictions", "feedback", "feedback_reports", "shadow_predictions")
LOCK = 7_316_356_415


class Killed(BaseException):
    """What ends a run at any moment, as `kill -9` does: no handler of the code catches it."""


@pytest.fixture(name="log")
def _log():
    with running_log() as (address, connection):
        _fill(connection)
        yield address, connection


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return LocalFolder(tmp_path / "archive")


def _fill(connection):
    """Days with reports, of which one replaces another, and a shadow; the windows are closed."""
    insert(connection, Rows(models=[SHADOW]))
    for day in range(DAYS):
        ids = add_day(connection, day, made_up(EACH, seed=day))
        report(connection, ids[:10], [9_000] * 10, 3, day)
        report(connection, ids[:5], [9_500] * 5, 3, day + 1)
        at = (FIRST_DAY + timedelta(days=day)).isoformat()
        shadows = [ShadowRow(i, SHADOW.run_id, SHADOW.version, at, 1, 1, 1) for i in ids[:7]]
        insert(connection, Rows(shadows=shadows))
    complete_until(connection, OLD + 5)
    Monitor(SETTINGS, FakeAirflow(), FakeRegistry).step(connection, LATER)


def rows(connection, sql, *values):
    """The rows that a query gives."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def stored(connection):
    """Each table's rows, as text, of all days."""
    return {
        table: Counter(text for (text,) in rows(connection, f"SELECT t::text FROM {table} t"))
        for table in TABLES
    }


def run(connection, folder, settings=SETTINGS):
    """A run of the archive, as the command does it."""
    job.finish_begun(connection, folder)
    before = make_plan(connection, settings).archive_before
    return job.archive(connection, folder, before) if before else 0


def archived(folder, content="predictions"):
    """All rows of the archive's files."""
    files = sorted((Path(folder.uri) / content).rglob("*.parquet"))
    return pd.concat([pd.read_parquet(file) for file in files]) if files else pd.DataFrame()


def ids_of(connection):
    """The ids of the predictions in the database."""
    return {str(i) for (i,) in rows(connection, "SELECT prediction_id::text FROM predictions")}


def test_whole_old_days_leave_the_database_with_all_that_belongs_to_them(log, folder):
    _, connection = log
    before, everything = stored(connection), ids_of(connection)
    assert run(connection, folder) == OLD * EACH
    found = archived(folder)
    assert set(found["prediction_id"]) == everything - ids_of(connection)
    assert len(found) == OLD * EACH and len(ids_of(connection)) == (DAYS - OLD) * EACH
    days = {path.name for path in (Path(folder.uri) / "predictions").iterdir()}
    assert days == {f"day=2026-03-0{day + 1}" for day in range(OLD)}
    reports = [r for text in found["reports"].dropna() for r in json.loads(text)]
    shadows = [s for text in found["shadows"].dropna() for s in json.loads(text)]
    assert (len(reports), len(shadows)) == (15 * OLD, 7 * OLD)
    assert found["reported_price"].value_counts().to_dict() == {9_000: 5 * OLD, 9_500: 5 * OLD}
    assert set(found["data_sha256"]) == {"d" * 64}
    assert all(json.loads(text)["year"] for text in found["listing"])
    kept = {table: sum(counts.values()) for table, counts in stored(connection).items()}
    assert kept == dict(zip(TABLES, (EACH, 10, 15, 7), strict=True))
    assert all(not stored(connection)[table] - before[table] for table in TABLES)


def test_a_second_run_changes_nothing(log, folder):
    _, connection = log
    run(connection, folder)
    files = {path: path.stat().st_mtime_ns for path in Path(folder.uri).rglob("*.parquet")}
    left = stored(connection)
    assert run(connection, folder) == 0
    assert {p: p.stat().st_mtime_ns for p in Path(folder.uri).rglob("*.parquet")} == files
    assert stored(connection) == left


@contextmanager
def killed_at(folder, connection, moment):
    """Kill the run at its `moment`-th moment: before and after each statement and each write."""
    passed, write = itertools.count(1), folder.write

    def reach():
        if next(passed) == moment:
            raise Killed

    class Cursor(extensions.cursor):
        """Is killed before a statement, or after it and before its commit."""

        def execute(self, query, vars=None):  # pylint: disable=redefined-builtin
            """Execute a statement."""
            reach()
            super().execute(query, vars)
            reach()

    def killed_write(name, content):
        reach()
        write(name, content)
        reach()

    connection.cursor_factory = Cursor
    try:
        with patch.object(folder, "write", killed_write):
            yield
    finally:
        connection.cursor_factory = None


def complete_files(connection, folder):
    """The ids in the files that are verified."""
    named = "SELECT file FROM archive_files WHERE verified_at IS NOT NULL"
    paths = [Path(folder.uri) / file for (file,) in rows(connection, named)]
    return [i for path in paths for i in pd.read_parquet(path)["prediction_id"]]


def test_a_run_killed_at_every_moment_loses_nothing_and_doubles_nothing(log, folder):
    _, connection = log
    everything, moment = ids_of(connection), 0
    # With small files and batches there are more moments.
    with patch.object(job, "FILE_ROWS", 25), patch.object(job, "DELETE_ROWS", 10):
        while True:
            moment += 1
            with killed_at(folder, connection, moment):
                try:
                    run(connection, folder)
                    break
                except Killed:
                    pass
            in_files = complete_files(connection, folder)
            assert len(set(in_files)) == len(in_files)
            assert set(in_files) | ids_of(connection) == everything
    assert moment > 20
    found = archived(folder)
    assert sorted(found["prediction_id"]) == sorted(everything - ids_of(connection))
    assert len(found) == OLD * EACH
    reports = [r for text in found["reports"].dropna() for r in json.loads(text)]
    assert len(reports) == 15 * OLD
    assert not rows(connection, "SELECT 1 FROM archive_files WHERE deleted_at IS NULL")
    assert not list((Path(folder.uri) / ".drafts").glob("*"))


def environ_of(address, tmp_path):
    """The environment of the command."""
    return os.environ | {
        "PREDICTION_DATABASE_URL": address.url,
        "DATA_ROOT": str(tmp_path),
        "RETENTION_PREDICTIONS_DAYS": "5",
        "MONITORING_HORIZON_WINDOWS": "1",
    }


def start(address, tmp_path, *options):
    """`python -m evidently_service.archive`."""
    command = [sys.executable, "-m", "evidently_service.archive", *options]
    environ = environ_of(address, tmp_path)
    return subprocess.Popen(
        command, cwd=ROOT, env=environ, start_new_session=True, stdout=subprocess.PIPE, text=True
    )


def test_the_command_killed_again_and_again_archives_each_prediction_once(log, folder, tmp_path):
    address, connection = log
    everything = ids_of(connection)
    for _ in range(6):
        process = start(address, tmp_path)
        deadline = time.monotonic() + 60
        begun = "SELECT 1 FROM archive_files WHERE deleted_at IS NULL"
        while process.poll() is None and time.monotonic() < deadline:
            if rows(connection, begun):
                process.kill()
        process.communicate()
        assert set(complete_files(connection, folder)) | ids_of(connection) == everything
    process = start(address, tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert sorted(archived(folder)["prediction_id"]) == sorted(everything - ids_of(connection))
    assert len(archived(folder)) == OLD * EACH


def test_a_dry_run_says_what_would_be_done_and_does_nothing(log, folder, tmp_path):
    address, connection = log
    before = stored(connection)
    output, _ = start(address, tmp_path, "--dry-run").communicate(timeout=60)
    assert f"archive 2026-03-01: {EACH} predictions" in output and "2026-03-04" not in output
    assert stored(connection) == before and not Path(folder.uri).exists()
    run(connection, folder)
    output, _ = start(address, tmp_path, "--dry-run").communicate(timeout=60)
    assert "nothing has reached its age" in output


def test_a_file_that_was_begun_leaves_the_archive_when_its_rows_have_changed(log, folder):
    _, connection = log
    with patch.object(job, "_read", side_effect=Killed), pytest.raises(Killed):
        run(connection, folder)  # the file is written and not verified
    first = archived(folder)["prediction_id"].iloc[0]
    report(connection, [first], [8_000], 1, 2)
    run(connection, folder)
    found = archived(folder)
    assert len(found) == OLD * EACH and len(set(found["prediction_id"])) == OLD * EACH


def test_two_runs_at_once_are_one(log, folder, tmp_path):
    address, connection = log
    with advisory_lock(address, LOCK, 10):
        process = start(address, tmp_path)
        process.communicate(timeout=60)
        assert process.returncode == 1
    assert not Path(folder.uri).exists() and len(ids_of(connection)) == DAYS * EACH


def test_a_file_that_is_damaged_before_its_rows_are_deleted_keeps_the_rows(log, folder):
    _, connection = log
    whole = folder.write
    with patch.object(folder, "write", lambda name, content: whole(name, content[:-50])):
        with pytest.raises(StorageError, match="no row is deleted"):
            run(connection, folder)
    assert len(ids_of(connection)) == DAYS * EACH
    assert run(connection, folder) == OLD * EACH
    assert len(archived(folder)) == OLD * EACH


def test_a_verified_file_that_is_gone_ends_the_run_before_anything_is_deleted(log, folder):
    _, connection = log
    with patch.object(job, "_delete_rows", side_effect=Killed), pytest.raises(Killed):
        run(connection, folder)
    for path in Path(folder.uri).rglob("*.parquet"):
        path.unlink()
    with pytest.raises(StorageError, match="no such file"):
        run(connection, folder)
    assert len(ids_of(connection)) == DAYS * EACH


def test_lineage_of_an_archived_prediction_names_its_file(log, folder):
    _, connection = log
    first = rows(connection, "SELECT prediction_id::text FROM predictions ORDER BY created_at")[0][
        0
    ]
    assert find_lineage(connection, first)["price"]
    run(connection, folder)
    with pytest.raises(PredictionArchived) as found:
        find_lineage(connection, first)
    table = pd.concat([pd.read_parquet(Path(folder.uri) / file) for file in found.value.files])
    assert (table["prediction_id"] == first).sum() == 1
    assert find_lineage(connection, new_id()) is None


def test_a_report_that_comes_after_its_prediction_was_archived_is_kept_and_archived(log, folder):
    _, connection = log
    first = rows(connection, "SELECT prediction_id::text FROM predictions ORDER BY created_at")[0][
        0
    ]
    run(connection, folder)
    late = FeedbackRow(first, 7_777, (FIRST_DAY + timedelta(days=20)).isoformat(), "dealer-9")
    insert(connection, Rows(feedback=[late]))
    assert not rows(connection, "SELECT 1 FROM feedback WHERE price = 7777")
    complete_until(connection, 40)
    Monitor(SETTINGS, FakeAirflow(), FakeRegistry).step(connection, LATER)
    run(connection, folder)
    (kept,) = archived(folder, "reports").to_dict("records")
    assert (kept["prediction_id"], kept["price"], kept["key_name"]) == (first, 7_777, "dealer-9")
    assert not rows(connection, "SELECT 1 FROM feedback_reports")


def test_a_report_that_comes_between_file_and_deletion_is_not_lost(log, folder):
    _, connection = log
    first = rows(connection, "SELECT prediction_id::text FROM predictions ORDER BY created_at")[0][
        0
    ]
    late = FeedbackRow(first, 7_777, (FIRST_DAY + timedelta(days=1)).isoformat(), "dealer-0")
    delete = job._delete_rows  # pylint: disable=protected-access

    def reported_before(*arguments):
        insert(connection, Rows(feedback=[late]))
        delete(*arguments)

    with patch.object(job, "_delete_rows", reported_before):
        run(connection, folder)
    assert 7_777 in archived(folder, "reports")["price"].tolist()
    assert not rows(connection, "SELECT 1 FROM feedback WHERE prediction_id = %s", first)


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
    before = stored(connection)
    complete_until(connection, 40)
    Monitor(SETTINGS, FakeAirflow(), FakeRegistry).step(connection, LATER)
    daily.step(connection)
    DailyArchive(replace(SETTINGS, retention_predictions_days=0)).step(connection)
    time.sleep(3)
    assert stored(connection) == before
    DailyArchive(SETTINGS).step(connection)
    wait_until(lambda: not ids_of(connection))


def test_an_archive_on_s3_is_the_same(log, monkeypatch):
    _, connection = log
    everything = ids_of(connection)
    with s3_server() as environ:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        remote = open_folder(f"s3://{BUCKET}/data/archive")
        with patch.object(job, "_delete_rows", side_effect=Killed), pytest.raises(Killed):
            run(connection, remote)
        assert run(connection, remote) + EACH == OLD * EACH
        names = [name for name, _ in remote.names("predictions/")]
        files = [pd.read_parquet(io.BytesIO(remote.read(name))) for name in names]
    assert set(pd.concat(files)["prediction_id"]) == everything - ids_of(connection)
    assert len(names) == OLD and sum(map(len, files)) == OLD * EACH
