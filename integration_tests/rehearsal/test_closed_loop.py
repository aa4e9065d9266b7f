"""The closed loop, unattended: prices rise, reports arrive days later, monitoring retrains.

`make rehearse SHOCK=+25%` with short days. Nothing is inserted: requests and
reports go through the service, and everything asserted here is what its platform wrote.
"""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_ports
from setup.rehearsal.platform import PORTS

ROOT = Path(__file__).resolve().parents[2]
# Days enough for a training that takes eight of them, almost three minutes on a busy machine.
DAY_SECONDS, QUIET_DAYS, FAULT_DAYS = 20, 2, 20
FAULT_DAY = QUIET_DAYS + 1
SECONDS = 900  # a rehearsal takes half of that


@pytest.fixture(name="timeline", scope="module")
def _timeline() -> Iterator[dict]:
    """What happened. Not in pytest's folder: PostgreSQL runs as another user."""
    local = Path(tempfile.mkdtemp(prefix="vehicle-price-rehearsal-"))
    ports = zip((name.upper() for name in PORTS), map(str, free_ports(len(PORTS))), strict=True)
    environ = dict(os.environ) | dict(ports)
    environ |= {"LOCAL_DIR": str(local), "ENV_FILE": str(local / ".env")}
    environ |= {"SOURCE": "sample", "DATA": "", "EVIDENTLY_SNAPSHOTS": "0"}
    options = ["--shock=+25%", "--stop", "--port-offset=0", f"--day-seconds={DAY_SECONDS}"]
    options += [f"--quiet-days={QUIET_DAYS}", f"--fault-days={FAULT_DAYS}"]
    try:
        with keep_logs(local / "rehearsal", fixture="timeline"):
            done = subprocess.run(
                [sys.executable, "-m", "setup.rehearsal", *options],
                env=environ,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            print(done.stdout)  # the timeline, in the report of a failed test
            assert done.returncode == 0, done.stdout + done.stderr
            yield json.loads((local / "rehearsal" / "timeline.json").read_text("utf-8"))
    finally:
        shutil.rmtree(local)


def figures(timeline: dict, name: str, version: str = "") -> list[dict]:
    """The judged windows of a figure, in the order of time; version: only of this one."""
    found = [figure for figure in timeline["figures"] if figure["name"] == name]
    return [figure for figure in found if version in ("", figure["version"])]


def events(timeline: dict, kind: str) -> list[dict]:
    """The events of a kind, in the order of time."""
    return [event for event in timeline["events"] if event["kind"] == kind]


def test_the_bias_alarm_comes_with_the_first_reports_on_the_new_prices(timeline):
    first = next(f for f in figures(timeline, "bias") if f["day"] >= FAULT_DAY and f["rows"] >= 50)
    assert first["day"] == FAULT_DAY and first["status"] == "drift"
    alarms = [e for e in events(timeline, "incident") if e["key"].startswith("performance")]
    assert alarms and min(alarm["day"] for alarm in alarms) > FAULT_DAY
    assert "performance_bias" in {alarm["key"] for alarm in alarms}


def test_one_retraining_starts_and_its_model_is_promoted(timeline):
    (started,), (ended,) = events(timeline, "retraining"), events(timeline, "retraining_ended")
    assert "bias" in started["text"]
    assert ended["key"] == "promoted"
    first, second = events(timeline, "promotion")
    assert first["day"] < started["day"] < second["day"]


def test_bias_and_error_return_to_their_level_and_the_alarms_end(timeline):
    version = events(timeline, "promotion")[-1]["key"]
    biases = figures(timeline, "bias", version)
    assert biases
    for figure in biases:  # the gate promotes what halves the bias
        assert abs(figure["value"]) < math.log(1.25) / 2
    before = [f["value"] for f in figures(timeline, "median_ape") if f["day"] < FAULT_DAY]
    after = [f["value"] for f in figures(timeline, "median_ape", version)]
    assert statistics.median(after) < 1.25 * statistics.median(before)
    resolved = {event["key"] for event in events(timeline, "resolved")}
    assert {e["key"] for e in events(timeline, "incident")} <= resolved


def test_no_request_failed_while_the_model_changed(timeline):
    assert timeline["failed_requests"] == 0
