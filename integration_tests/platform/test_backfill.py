"""The backfill that setup/data.md documents, through the platform's real Airflow."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import INGEST, RUN_SECONDS
from setup.native.environment import VENV, settings_from
from setup.native.programs import environment_of
from unit_tests.helpers.real_data import ARCHIVE, find_real_data
from vehicle_price.sources.sample.source import generate
from vehicle_price.storage.dataset import open_dataset
from vehicle_price.storage.store import LISTINGS


class Feed(NamedTuple):
    """A file, and how many listings it has on each of its last days, of which the last is partial:
    less than a tenth of the others."""

    file: Path
    days: dict[str, int]


@pytest.fixture(name="feed")
def fixture_feed(tmp_path):
    """The real listings, or made-up ones where they are absent."""
    if folder := find_real_data():
        days = {"2021-04-26": 14_428, "2021-04-27": 16_699, "2021-04-28": 950}
        return Feed(folder / ARCHIVE, days)
    raw = generate(3_000, seed=9)
    posted = raw["posting_date"].str[:10]
    last = sorted(set(posted[posted <= "2021-05-31"]))[-3:]
    partial = pd.concat([raw[posted < last[-1]], raw[posted == last[-1]].head(3)])
    partial.to_csv(tmp_path / "partial.csv", index=False)
    counts = partial["posting_date"].str[:10].value_counts()
    return Feed(tmp_path / "partial.csv", {day: int(counts[day]) for day in last})


@pytest.fixture(name="empty_store")
def fixture_empty_store(platform):
    """The store of the platform is empty during the test, and as before after it."""
    root = settings_from(platform.environ).data_root
    store, kept = Path(root, LISTINGS), Path(root, "kept")
    store.mkdir(exist_ok=True)
    store.rename(kept)
    yield
    shutil.rmtree(store, ignore_errors=True)
    kept.rename(store)


@pytest.mark.usefixtures("empty_store")
def test_the_documented_backfill_ends_green_on_its_last_partial_day(platform, airflow, feed):
    days = list(feed.days)
    assert feed.days[days[-1]] < 0.1 * min(feed.days[day] for day in days[:-1])
    runs = backfill(platform, airflow, days, feed.file)
    results = [airflow.result(INGEST, run, "ingest") for run in runs]
    assert {r["provenance"]["since"]: r["batch"]["read"] for r in results} == feed.days
    report = json.loads(Path(results[-1]["report"]).read_text("utf-8"))
    assert any("MIN_USUAL_ROWS_SHARE" in warning for warning in report["warnings"])
    whole = open_dataset(results[-1]["uri"])
    assert whole.rows == sum(r["batch"]["accepted"] for r in results)
    assert (whole.first_day, whole.last_day) == (days[0], days[-1])
    # After the first backfill Airflow runs the missed run of last midnight, here on the sample.
    wait_until(lambda: nightly_runs(airflow), RUN_SECONDS)
    nightly = nightly_runs(airflow)[-1]
    assert airflow.final_state(INGEST, nightly) == "success"
    assert airflow.result(INGEST, nightly, "ingest")["provenance"]["source"] == "sample"
    # `make build` has trained on this dataset, though no ingest has announced it.
    assert airflow.task(INGEST, nightly, "announce_sample")["state"] == "skipped"


def nightly_runs(airflow):
    """The ids of the scheduled runs of the ingest, the last one last."""
    return sorted(run for run in airflow.ids(INGEST) if run.startswith("scheduled__"))


def backfill(platform, airflow, days, file):
    """`airflow backfill create` as in setup/data.md; the ids of its runs, which all end green.

    One run after another, so that the last day is compared with the others.
    """
    conf = json.dumps({"source": "file", "data": str(file)})
    command = [VENV / "bin" / "airflow", "backfill", "create", "--dag-id", INGEST]
    command += ["--max-active-runs", "1"]
    command += ["--from-date", days[0], "--to-date", days[-1], "--dag-run-conf", conf]
    settings = settings_from(platform.environ)
    environ = environment_of("airflow-scheduler", settings, platform.environ)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [f"backfill__{day}T00:00:00+00:00" for day in days]
    assert [airflow.final_state(INGEST, run) for run in runs] == ["success"] * len(days)
    return runs
