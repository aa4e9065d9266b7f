"""The archive over a real PostgreSQL: old predictions leave it as files, with all of theirs."""

import io
import json
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest

from evidently_service.archive import job
from integration_tests.archive.old_log import (
    DAYS,
    EACH,
    OLD,
    TABLES,
    Killed,
    archived,
    close_windows,
    ids_of,
    run,
    stored,
)
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.made_up_log import FIRST_DAY
from integration_tests.storage.s3_server import BUCKET, s3_server
from vehicle_price.prediction_log.errors import PredictionArchived
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.prediction_log.lineage import find_lineage
from vehicle_price.prediction_log.rows import FeedbackRow, Rows
from vehicle_price.prediction_log.writer import insert
from vehicle_price.storage.filesystem import open_folder


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
    close_windows(connection, 40)
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
