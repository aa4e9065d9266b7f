"""Evidently's snapshots say what was decided, once, whatever is killed, and its pages show them."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from evidently_service.monitor import Monitor
from evidently_service.snapshots.wanted import workspace
from evidently_service.snapshots.writer import SnapshotWriter
from integration_tests.helpers.browser import save_screenshot
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.waiting import answers, wait_until
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.made_up_log import LATER, add_day, complete_until, running_log
from setup.native.environment import ROOT
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring import snapshot_address
from vehicle_price.monitoring.statuses import ALARMS
from vehicle_price.prediction_log.monitoring_store import column_results, results_since
from vehicle_price.settings import Settings

LEARNT, KEPT = 14, 100
METRICS = ["drift_day", "drift_week"]
KILL_SECONDS = (4, 6, 8)  # after a start: from the import to the last snapshots
PROJECT = snapshot_address.project_id("api")


@pytest.fixture(name="log", scope="module")
def _log():
    """Days of which one is in kilometres, and one without conditions."""
    with running_log() as (address, connection):
        for day in range(LEARNT + 2):
            add_day(connection, day)
        feed = made_up(600, seed=99)
        add_day(connection, LEARNT + 2, feed.assign(odometer=feed["odometer"] * 1609 // 1000))
        add_day(connection, LEARNT + 3, made_up(700, seed=98).assign(condition=None))
        complete_until(connection, LEARNT + 4)
        monitor = Monitor(Settings(retraining="off"), FakeAirflow(), FakeRegistry)
        monitor.step(connection, LATER)
        yield address, connection


@pytest.fixture(name="environ")
def _environ(log, tmp_path):
    return {"PREDICTION_DATABASE_URL": log[0].url, "EVIDENTLY_DIR": str(tmp_path / "evidently")}


@pytest.fixture(name="written", scope="module")
def _written(log, tmp_path_factory):
    """The folder of a finished run."""
    folder = str(tmp_path_factory.mktemp("evidently"))
    process = start({"PREDICTION_DATABASE_URL": log[0].url, "EVIDENTLY_DIR": folder})
    assert process.wait() == 0
    return folder


def start(environ):
    """`python -m evidently_service.snapshots`."""
    command = [sys.executable, "-m", "evidently_service.snapshots"]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, start_new_session=True)


def snapshots(folder):
    """Name of each snapshot → its content."""
    files = workspace(folder).glob("*/snapshots/*.json")
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return {snapshot["name"]: snapshot for snapshot in found}


def verdicts(snapshot):
    """Column → (distance, whether Evidently says that it has drifted)."""
    found = {}
    for result in snapshot["metric_results"].values():
        if column := result["metric_value_location"]["metric"]["params"].get("column"):
            (test,) = result["tests"]
            found[column] = (result["value"], test["status"] == "FAIL")
    return found


def drifting(snapshot):
    """How many columns have drifted, as Evidently counts them."""
    results = snapshot["metric_results"].values()
    (count,) = [result["count"]["value"] for result in results if "count" in result]
    return count


def judged(log):
    """The stored results that have a snapshot."""
    found = results_since(log[1], METRICS, LATER.replace(year=2000))
    return [result for result in found if "snapshot" in result.details]


def test_evidently_finds_drift_in_the_columns_in_which_it_was_found_and_in_no_others(log, written):
    found = snapshots(written)
    alarms = 0
    assert len(found) == len(judged(log)) >= 6
    for result in judged(log):
        name = f"{result.metric} api {result.window_start:%Y-%m-%d %H:%M:%S} UTC"
        stored = column_results(log[1], "api", result.metric, result.window_start)
        expected = {
            one.column_name: (pytest.approx(one.value, abs=1e-9), one.status in ALARMS)
            for one in stored
            if one.value is not None
        }
        assert verdicts(found[name]) == expected and len(expected) > 20
        assert {"price", "odometer", "condition_blank", "state"} < set(expected)
        assert drifting(found[name]) == sum(alarm for _, alarm in expected.values())
        alarms += drifting(found[name])
    assert alarms >= 4


def test_a_link_in_the_results_is_the_address_of_its_snapshot(log, written):
    for result in judged(log):
        _, project, _, snapshot = result.details["snapshot"].strip("/").split("/")
        assert (workspace(written) / project / "snapshots" / f"{snapshot}.json").exists()


def test_a_run_that_is_killed_again_and_again_leaves_what_one_run_writes(written, environ):
    folder = environ["EVIDENTLY_DIR"]
    for seconds in KILL_SECONDS:
        process = start(environ)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        snapshots(folder)  # every file is complete
    assert start(environ).wait() == 0
    again = {name: verdicts(snapshot) for name, snapshot in snapshots(folder).items()}
    assert again == {name: verdicts(snapshot) for name, snapshot in snapshots(written).items()}
    assert not list((Path(folder) / "drafts").iterdir())


def contents(folder):
    """Each file below a folder with its content and the time it was written."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_repeated_run_changes_nothing_and_a_smaller_number_keeps_the_newest(log, environ):
    folder = environ["EVIDENTLY_DIR"]
    environ = environ | {"EVIDENTLY_SNAPSHOTS": "2"}
    assert start(environ).wait() == 0
    before = contents(folder)
    assert start(environ).wait() == 0
    assert contents(folder) == before
    newest = [f"{r.metric} api {r.window_start:%Y-%m-%d %H:%M:%S} UTC" for r in judged(log)][-2:]
    assert sorted(snapshots(folder)) == sorted(newest)
    assert start(environ | {"EVIDENTLY_SNAPSHOTS": "1"}).wait() == 0
    assert list(snapshots(folder)) == newest[-1:]


def test_monitoring_writes_snapshots_beside_its_steps_and_then_leaves_them(
    log, environ, monkeypatch
):
    environ = environ | {"EVIDENTLY_SNAPSHOTS": "1"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings, folder = Settings.from_environment(environ), environ["EVIDENTLY_DIR"]
    SnapshotWriter(settings).step(log[1], closed=False)
    assert not snapshots(folder)  # it does not wait
    wait_until(lambda: snapshots(folder))
    before = contents(workspace(folder))
    for _ in range(5):
        SnapshotWriter(settings).step(log[1], closed=True)
    assert contents(workspace(folder)) == before


def test_the_monitoring_process_does_not_import_evidently():
    code = "import evidently_service.__main__, sys; print('evidently' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert ended.stdout == b"False\n"


@contextmanager
def pages(folder):
    """The address of Evidently's pages, as supervisord starts them."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("evidently")), "ui", "--port", str(port)]
    command += ["--workspace", str(workspace(folder))]
    environ = os.environ | {"DO_NOT_TRACK": "1", "EVIDENTLY_SECRET": "secret"}
    with subprocess.Popen(
        command, cwd=folder, env=environ, start_new_session=True, stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/version"))
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_the_pages_show_the_worst_column_first_and_a_snapshot_that_comes_later(
    log, environ, open_page
):
    folder = environ["EVIDENTLY_DIR"]
    Path(folder).mkdir(parents=True)
    with pages(folder) as url:
        assert start(environ).wait() == 0  # the pages run already
        kilometres = judged(log)[[r.status for r in judged(log)].index("severe drift")]
        wait_until(lambda: answers(f"{url}/api/projects/{PROJECT}/reports"))
        page = open_page(f"{url}{kilometres.details['snapshot']}")
        page.get_by_text("Drift: distance").first.wait_for()
        page.get_by_text("below").first.wait_for()
        first = page.get_by_text("Drift in column").first.inner_text()
        assert first == "Drift in column 'odometer_per_year'"
        save_screenshot(page, "evidently_report.png")
        page = open_page(f"{url}/projects/{PROJECT}")
        page.get_by_text("Distance from the reference: numbers").first.wait_for()
        page.get_by_text("odometer_per_year").first.wait_for()
        save_screenshot(page, "evidently.png")
