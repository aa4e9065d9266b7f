"""A prediction log with old days, a run of its archive, and what both hold afterwards."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pandas as pd

from evidently_service.archive import job
from evidently_service.archive.plan import make_plan
from evidently_service.monitor import Monitor
from integration_tests.helpers.sql import rows
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import (
    FIRST_DAY,
    LATER,
    add_day,
    complete_until,
    report,
)
from setup.native.environment import ROOT
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.prediction_log.rows import ModelRow, Rows, ShadowRow
from vehicle_price.prediction_log.writer import insert
from vehicle_price.settings import Settings

DAYS, OLD, EACH = 4, 3, 60  # days with predictions, those that are old enough, predictions a day
SETTINGS = Settings(retention_predictions_days=5, monitoring_horizon_windows=1, retraining="off")
SHADOW = ModelRow("vehicle-price", "8", "run-8", "e" * 64, "c" * 40)
TABLES = ("predictions", "feedback", "feedback_reports", "shadow_predictions")
EVERY_TABLE = (
    f"{', '.join(TABLES)}, models, archive_files, forwarders, monitoring_profiles, "
    "monitoring_references, monitoring_results, incidents, retrainings, production_changes"
)


class Killed(BaseException):
    """What ends a run at any moment, as `kill -9` does: no handler of the code catches it."""


def fill(connection):
    """Days with reports, of which one replaces another, and a shadow; the windows are closed."""
    insert(connection, Rows(models=[SHADOW]))
    for day in range(DAYS):
        ids = add_day(connection, day, made_up(EACH, seed=day))
        report(connection, ids[:10], [9_000] * 10, 3, day)
        report(connection, ids[:5], [9_500] * 5, 3, day + 1)
        at = (FIRST_DAY + timedelta(days=day)).isoformat()
        shadows = [ShadowRow(i, SHADOW.run_id, SHADOW.version, at, 1, 1, 1) for i in ids[:7]]
        insert(connection, Rows(shadows=shadows))
    close_windows(connection, OLD + 5)


def close_windows(connection, until):
    """Close the windows up to that day."""
    complete_until(connection, until)
    Monitor(SETTINGS, FakeAirflow(), FakeRegistry).step(connection, LATER)


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


def complete_files(connection, folder):
    """The ids in the files that are verified."""
    named = "SELECT file FROM archive_files WHERE verified_at IS NOT NULL"
    paths = [Path(folder.uri) / file for (file,) in rows(connection, named)]
    return [i for path in paths for i in pd.read_parquet(path)["prediction_id"]]


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
