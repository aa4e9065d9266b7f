"""Runs that lose a source, a task or a family on the way, through the platform's real Airflow."""

import json
import subprocess
from contextlib import closing
from urllib.parse import quote

import pandas as pd

from integration_tests.helpers.http_server import serving
from integration_tests.helpers.sql import rows
from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import INGEST, RUN_SECONDS, TRAIN
from integration_tests.platform.breaking_servers import RefusingS3
from setup.native.environment import VENV, settings_from
from setup.native.programs import environment_of
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.prediction_log.database import address_of, connect
from vehicle_price.registry.client import Registry

PART = 1_000_000  # bytes: of 3,000 listings, about a quarter
INCIDENTS = "SELECT message, resolved_at IS NULL FROM incidents WHERE rule = 'dag_run_failed'"


def test_an_ingest_outlives_a_mongodb_that_is_killed_while_it_reads(airflow, feeds):
    feeds.proxy.kill_after = PART
    # With a first day everything is read, whatever was read before.
    form = feeds.form("mongodb") | {"since": feeds.expected["first_day"]}
    ingest = airflow.start(INGEST, form)
    wait_for_retry(airflow, ingest)
    assert feeds.proxy.kill_after is None
    feeds.mongodb.start()
    assert_same_dataset(airflow, ingest, feeds)


def test_an_ingest_outlives_an_s3_that_refuses_in_the_middle(platform, airflow, feeds):
    with serving(RefusingS3(feeds.csv.read_bytes(), int(platform.environ["S3_PORT"]))) as s3:
        form = feeds.form("file") | {"data": "s3://listings/vehicles.csv"}
        ingest = airflow.start(INGEST, form)
        wait_for_retry(airflow, ingest)
        assert s3.refused
        s3.refuses = False
        assert_same_dataset(airflow, ingest, feeds)


def test_a_family_that_fails_leaves_the_gate_the_others_and_people_are_told_until_it_is_repaired(
    platform, airflow
):
    first = min(airflow.trainings(), key=lambda run: run["run_after"])["dag_run_id"]
    dataset = airflow.result(TRAIN, first, "prepare_dataset")
    run_id = airflow.start(TRAIN, {"dataset": dataset})
    wait_until(lambda: states(airflow, run_id).get(1) in ("queued", "running"), RUN_SECONDS)
    airflow.fail(TRAIN, run_id, "train/1")
    assert airflow.final_state(TRAIN, run_id) == "failed"
    assert states(airflow, run_id) == {0: "success", 1: "failed"}
    decision = airflow.result(TRAIN, run_id, "gate")
    assert decision["not_trained"] == [FAMILY_NAMES[1]]
    assert decision["reasons"][-1].startswith(f"{FAMILY_NAMES[1]} took no part")
    page = f"{platform.airflow_url}/dags/{TRAIN}/runs/{quote(run_id, safe='')}"
    wait_until(lambda: page in "".join(open_incidents(platform)), RUN_SECONDS)
    (message,) = open_incidents(platform)
    assert "in the task train" in message
    # Both are repeated; the one that has registered its version registers no second one.
    airflow.clear(TRAIN, run_id, "train")
    wait_until(lambda: airflow.get(TRAIN, run_id)["state"] != "failed", RUN_SECONDS)
    assert airflow.final_state(TRAIN, run_id) == "success"
    assert airflow.result(TRAIN, run_id, "gate")["not_trained"] == []
    versions = Registry(platform.mlflow_url).started_by(run_id)
    assert sorted(version.tags["family"] for version in versions) == sorted(FAMILY_NAMES)
    assert decision["version"] in [version.version for version in versions]
    wait_until(lambda: not open_incidents(platform), RUN_SECONDS)


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
    before = airflow.ids(INGEST)
    backfill(platform, first, last, {"source": "file", "data": str(csv)})
    runs = sorted(run for run in airflow.ids(INGEST) - before if run.startswith("backfill__"))
    assert [run[10:20] for run in runs] == [first, second, last]
    assert [airflow.final_state(INGEST, run) for run in runs] == ["success"] * 3
    assert airflow.result(INGEST, runs[-1], "ingest")["batch"]["read"] == 3
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


def wait_for_retry(airflow, ingest):
    """Wait until the first attempt of an ingest has failed; another one must follow."""
    ended = ("up_for_retry", "failed", "success")
    wait_until(lambda: ingest_task(airflow, ingest)["state"] in ended, RUN_SECONDS)
    assert ingest_task(airflow, ingest)["state"] == "up_for_retry"


def assert_same_dataset(airflow, ingest, feeds):
    """The run ends green with all listings, and starts a training on their dataset."""
    training = airflow.training_after(ingest)
    (announced,) = airflow.dataset_events(training)
    airflow.cancel(TRAIN, training)
    assert airflow.final_state(INGEST, ingest) == "success"
    assert ingest_task(airflow, ingest)["try_number"] > 1
    dataset, expected = airflow.result(INGEST, ingest, "ingest"), feeds.expected
    assert dataset["batch"]["accepted"] == expected["batch"]["accepted"]
    assert announced["sha256"] == dataset["sha256"] == expected["sha256"]


def ingest_task(airflow, ingest):
    """The task `ingest` of a run."""
    return airflow.task(INGEST, ingest, "ingest")


def states(airflow, run_id):
    """Number of the family → the state of its training."""
    tasks = airflow.get(TRAIN, run_id, "/taskInstances")["task_instances"]
    return {task["map_index"]: task["state"] for task in tasks if task["task_id"] == "train"}


def open_incidents(platform):
    """The messages of the open incidents of the training DAG."""
    address = address_of(settings_from(platform.environ))
    with closing(connect(address, 30)) as connection:
        found = rows(connection, f"{INCIDENTS} AND channel = %s", TRAIN)
    return [message for message, is_open in found if is_open]


def backfill(platform, first, last, conf):
    """`airflow backfill create` as in setup/data.md."""
    command = [VENV / "bin" / "airflow", "backfill", "create", "--dag-id", INGEST]
    command += ["--from-date", first, "--to-date", last, "--dag-run-conf", json.dumps(conf)]
    settings = settings_from(platform.environ)
    environ = environment_of("airflow-scheduler", settings, platform.environ)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
