"""The backfill that setup/data.md documents, through the platform's real Airflow."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import INGEST, RUN_SECONDS
from setup.native.environment import VENV, process_environment, settings_from
from unit_tests.helpers.real_data import ARCHIVE, real_data_folder
from vehicle_price.storage.dataset import newest_day, open_dataset
from vehicle_price.storage.store import LISTINGS

AGAIN = ("--reprocess-behavior", "completed")
REAL_DAYS = {"2021-04-26": 14_428, "2021-04-27": 16_699, "2021-04-28": 950}  # listings of each


@pytest.fixture(name="real_archive")
def fixture_real_archive():
    """The archive of the real listings."""
    return real_data_folder() / ARCHIVE


@pytest.fixture(name="empty_store")
def fixture_empty_store(platform):
    """The address of the platform's store, which is empty during the test and as before after."""
    root = settings_from(platform.environ).data_root
    store, kept = Path(root, LISTINGS), Path(root, "kept")
    store.mkdir(exist_ok=True)
    store.rename(kept)
    yield root
    shutil.rmtree(store, ignore_errors=True)
    kept.rename(store)


def test_the_documented_backfill_ends_green_on_a_last_day_of_few_listings(
    platform, airflow, feeds, tmp_path
):
    """The feed is a part of the others', so that their dataset stays what they expect."""
    listings = pd.read_csv(feeds.csv, dtype=str, keep_default_na=False)
    days = listings["posting_date"].str[:10]
    first, second, last = sorted(set(days[days <= feeds.expected["last_day"]]))[-3:]
    partial = pd.concat([listings[days.isin([first, second])], listings[days == last].head(3)])
    assert len(partial) - 3 > 2 * 3 / 0.1  # otherwise the last day would not be unusual
    csv = tmp_path / "partial.csv"
    partial.to_csv(csv, index=False)
    runs = backfill(platform, airflow, [first, second, last], csv)
    assert airflow.result(INGEST, runs[-1], "ingest")["batch"]["read"] == 3
    # After the first backfill Airflow runs the missed run of last midnight, here on the sample.
    wait_until(lambda: nightly_runs(airflow), RUN_SECONDS)
    nightly = nightly_runs(airflow)[-1]
    assert airflow.final_state(INGEST, nightly) == "success"
    assert airflow.result(INGEST, nightly, "ingest")["provenance"]["source"] == "sample"
    # `make build` has trained on this dataset, though no ingest has announced it.
    assert airflow.task(INGEST, nightly, "announce_sample")["state"] == "skipped"


def test_the_last_days_of_the_real_listings_end_green_too_if_they_were_read_before(
    platform, airflow, real_archive, empty_store
):
    runs = backfill(platform, airflow, list(REAL_DAYS), real_archive, *AGAIN)
    results = [airflow.result(INGEST, run, "ingest") for run in runs]
    assert {r["provenance"]["since"]: r["batch"]["read"] for r in results} == REAL_DAYS
    assert {r["provenance"]["data"] for r in results} == {str(real_archive)}
    whole = max((open_dataset(r["uri"]) for r in results), key=lambda dataset: dataset.rows)
    assert whole.rows == sum(r["batch"]["accepted"] for r in results)
    assert (whole.first_day, newest_day(empty_store)) == (min(REAL_DAYS), max(REAL_DAYS))


def nightly_runs(airflow):
    """The ids of the scheduled runs of the ingest, the last one last."""
    return sorted(run for run in airflow.ids(INGEST) if run.startswith("scheduled__"))


def backfill(platform, airflow, days, file, *options):
    """`airflow backfill create` as in setup/data.md; the ids of its runs, which all end green."""
    conf = json.dumps({"source": "file", "data": str(file)})
    command = [VENV / "bin" / "airflow", "backfill", "create", "--dag-id", INGEST, *options]
    command += ["--from-date", days[0], "--to-date", days[-1], "--dag-run-conf", conf]
    environ = process_environment(settings_from(platform.environ), platform.environ)
    wait_until(lambda: not airflow.backfills(INGEST), RUN_SECONDS)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [f"backfill__{day}T00:00:00+00:00" for day in days]
    assert [airflow.final_state(INGEST, run) for run in runs] == ["success"] * len(days)
    return runs
