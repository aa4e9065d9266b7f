"""An archive that is killed at any moment, or whose files are damaged, loses or doubles nothing."""

import itertools
import json
import time
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from psycopg2 import extensions

from evidently_service.archive import job
from evidently_service.archive.__main__ import LOCK
from integration_tests.archive.old_log import (
    DAYS,
    EACH,
    OLD,
    Killed,
    archived,
    complete_files,
    ids_of,
    run,
    start,
)
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.made_up_log import report
from vehicle_price.prediction_log.database import advisory_lock
from vehicle_price.storage.errors import StorageError


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
