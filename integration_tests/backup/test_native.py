"""A platform is saved, deleted, and restored on empty machines: new folders, ports, secrets."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from integration_tests.backup.conftest import Saved
from integration_tests.backup.listings import (
    answers_to,
    command,
    log_ids,
    prices,
    succeed,
)
from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import TRAIN, AirflowRuns
from integration_tests.platform.native_platform import NativePlatform, empty_platform
from setup.native.environment import ROOT, settings_from
from setup.runtime.interrupted import restore_mark
from setup.runtime.main_job import training_form

UNREADABLE = "Airflow cannot read these, which another key encrypts: connection warehouse"


@contextmanager
def empty_machine(s3: dict[str, str]) -> Iterator[NativePlatform]:
    """A place where nothing was ever built; S3 can be reached."""
    with empty_platform() as platform, keep_logs(platform.local_dir):
        platform.environ.update(s3 | {"RUNTIME": "native"})
        yield platform


@pytest.fixture(name="machine")
def _machine(s3: dict[str, str]) -> Iterator[NativePlatform]:
    with empty_machine(s3) as platform:
        yield platform


@pytest.fixture(name="restored", scope="module")
def _restored(saved: Saved, s3: dict[str, str]) -> Iterator[NativePlatform]:
    """A platform restored from the backup whose predictions were still in the outbox."""
    with empty_machine(s3) as platform:
        output = succeed(platform.environ, "setup.backup", "restore", saved.waiting)
        assert UNREADABLE in output and "and 1 in the outbox" in output
        build = platform.run("build")
        assert build.returncode == 0, build.stdout
        yield NativePlatform(platform.environ, build.stdout)


def test_a_thousand_prices_are_equal_before_and_after(saved, restored):
    assert "training on" not in restored.build_output
    again = answers_to(restored.service_url, saved.listings)
    assert prices(again) == prices(saved.predictions)
    assert len({prediction["price"] for prediction in again}) > 100


def test_the_log_has_every_row_also_of_the_outbox(saved, restored):
    expected = {prediction["prediction_id"] for prediction in saved.predictions}
    wait_until(lambda: log_ids(restored.environ) >= expected)


def test_a_clients_key_is_still_valid(saved, restored):
    report = {"prediction_id": saved.predictions[0]["prediction_id"], "price": 7_000}
    url, headers = f"{restored.service_url}/feedback", {"X-API-Key": saved.client_key}
    assert requests.post(url, json=report, headers=headers, timeout=30).status_code == 202


def test_the_restored_airflow_has_its_runs_and_trains_again(saved, restored):
    settings = settings_from(restored.environ)
    airflow = AirflowRuns(settings)
    assert airflow.ids(TRAIN) == saved.runs
    run = airflow.run(TRAIN, training_form(settings))
    assert airflow.ids(TRAIN) == saved.runs | {run}
    newest = restored.run("status").stdout.partition("Last decision")[2]
    assert int(newest.split()[1].strip(",")) > int(saved.predictions[0]["model"]["version"])


def test_a_backup_that_was_killed_does_not_count(restored, tmp_path):
    words = [sys.executable, "-m", "setup.backup", "save", str(tmp_path)]
    with subprocess.Popen(words, env=restored.environ, cwd=ROOT) as process:
        wait_until(lambda: list(tmp_path.glob("*/vehicle_price.dump")), pause=0.001)
        process.kill()
    (unfinished,) = tmp_path.iterdir()
    assert "There is no backup" in succeed(restored.environ, "setup.backup", "list", str(tmp_path))
    refused = command(restored.environ, "setup.backup", "check", str(unfinished))
    assert refused.returncode == 1 and "is not a complete backup" in refused.stdout


def test_a_running_platform_is_not_overwritten(saved, restored):
    refused = command(restored.environ, "setup.backup", "restore", saved.in_folder)
    assert refused.returncode == 1 and "needs an empty installation" in refused.stdout
    assert answers_to(restored.service_url, saved.listings[:1])


def test_a_bucket_that_refuses_is_named(restored):
    refused = command(restored.environ, "setup.backup", "save", "s3://no-such-bucket/backups")
    assert refused.returncode == 1
    assert "s3://no-such-bucket/backups" in refused.stdout and "make the bucket" in refused.stdout


def test_what_was_answered_before_a_backup_under_load_is_in_it(saved, machine):
    """From S3; with the old key of Airflow in its place, connections can be read."""
    secrets = machine.local_dir / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "airflow_fernet_key").write_text(saved.fernet_key, "utf-8")
    output = succeed(machine.environ, "setup.backup", "restore", saved.on_s3)
    assert UNREADABLE not in output
    build = machine.run("build")
    assert build.returncode == 0, build.stdout
    wait_until(lambda: log_ids(machine.environ) >= saved.answered)
    again = answers_to(machine.service_url, saved.listings)
    assert prices(again) == prices(saved.predictions)


def test_a_damaged_backup_changes_nothing(saved, machine, tmp_path):
    copy = Path(shutil.copytree(saved.in_folder, tmp_path / "copy"))
    with (copy / "artifacts.tar").open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([byte[0] ^ 1]))
    refused = command(machine.environ, "setup.backup", "restore", str(copy))
    assert refused.returncode == 1 and "artifacts.tar is damaged" in refused.stdout
    assert not (machine.local_dir / "postgres").exists()
    assert not restore_mark(machine.environ).exists()


def test_a_killed_restore_is_repeated_before_anything_starts(saved, machine):
    words = [sys.executable, "-m", "setup.backup", "restore", saved.in_folder]
    with subprocess.Popen(words, env=machine.environ, cwd=ROOT) as process:
        wait_until((machine.local_dir / "postgres" / "postmaster.pid").exists, pause=0.01)
        os.kill(process.pid, signal.SIGKILL)
    refused = command(machine.environ, "setup.runtime", "build")
    assert refused.returncode == 1 and "was interrupted" in refused.stdout
    succeed(machine.environ, "setup.backup", "restore", saved.in_folder)
    assert not restore_mark(machine.environ).exists()
