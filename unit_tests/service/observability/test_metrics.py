"""GET /metrics: what is counted, how it is named, and that it survives dead workers."""

import errno
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.observability.metrics import Metrics
from service.observability.multiprocess import fold, reading, reserve, wipe
from service.routes.metrics import worker_gauges
from unit_tests.helpers.service_fakes import REQUIRED, app_with, components_with

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"^\| `(http_\w+|vehicle_price_\w+)` \|([^|]*)\|", re.MULTILINE)


def samples(text):
    """(name, labels as text) → value."""
    families = text_string_to_metric_families(text)
    return {
        (s.name, ",".join(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value
        for family in families
        for s in family.samples
    }


def scraped(client):
    """The samples of GET /metrics."""
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return samples(answer.text)


def test_requests_are_counted_by_route_method_and_status(tmp_path):
    client = app_with(tmp_path).test_client()
    client.get("/health")
    client.get("/train/one")
    client.get("/train/another")
    client.get("/nowhere/1")
    client.get("/nowhere/2")
    client.open("/nowhere", method="BREW")
    values = scraped(client)
    assert values["http_requests_total", "method=GET,route=/health,status=200"] == 1
    assert values["http_requests_total", "method=GET,route=/train/<run_id>,status=404"] == 2
    assert values["http_requests_total", "method=GET,route=none,status=404"] == 2
    assert values["http_requests_total", "method=other,route=none,status=404"] == 1
    assert values["http_request_duration_seconds_count", "method=GET,route=/health"] == 1


def test_prices_are_counted_by_role_and_version_and_problems_by_kind(tmp_path):
    client = app_with(tmp_path).test_client()
    client.post("/predict", json=REQUIRED)
    client.post("/predict", json=[REQUIRED] * 7)
    client.post("/predict", json=[])
    client.post("/predict", data="{", content_type="application/json")
    values = scraped(client)
    assert values["vehicle_price_predictions_total", "role=production,version=7"] == 8
    assert values["vehicle_price_refused_requests_total", "kind=wrong-values"] == 1
    assert values["vehicle_price_refused_requests_total", "kind=not-json"] == 1
    assert values["vehicle_price_outbox_records", ""] == 2


def test_the_model_and_what_was_refused_are_shown(tmp_path):
    report = {
        "state": "refused",
        "challenger": {"state": "shadow"},
        "refused_total": {"production": 3},
        "model_changes_total": 2,
    }
    (tmp_path / "status.json").write_text(json.dumps(report), encoding="utf-8")
    values = scraped(app_with(tmp_path).test_client())
    assert values["vehicle_price_model_info", "version=7"] == 1
    assert values["vehicle_price_registry_state", "alias=production,state=refused"] == 1
    assert values["vehicle_price_registry_state", "alias=challenger,state=shadow"] == 1
    assert values["vehicle_price_models_refused_total", "alias=production"] == 3
    assert values["vehicle_price_model_changes_total", ""] == 2


def test_without_a_model_the_rest_is_still_counted(tmp_path):
    values = scraped(app_with(tmp_path, served=False).test_client())
    assert values["vehicle_price_model_loaded", ""] == 0
    assert not [name for name, _ in values if name == "vehicle_price_model_info"]


def test_every_metric_is_documented_and_every_documented_one_is_there(tmp_path):
    components = components_with(tmp_path)
    components.metrics.add_gauges(worker_gauges)
    components.metrics.shadow("scored", 1)
    client = app_with(tmp_path, components).test_client()
    client.post("/predict", json=REQUIRED)
    client.get("/nowhere")
    families = text_string_to_metric_families(client.get("/metrics").text)
    labels = {
        f.name + "_total" * (f.type == "counter"): {k for s in f.samples for k in s.labels} - {"le"}
        for f in families
        if not f.name.endswith("_created")
    }
    page = (ROOT / "setup" / "http.md").read_text(encoding="utf-8")
    documented = {name: set(re.findall(r"\w+", text)) for name, text in NAMED.findall(page)}
    assert labels == documented


WORKER = """
import os, sys
from service.observability.metrics import Metrics
metrics = Metrics(sys.argv[1])
for _ in range(int(sys.argv[2])):
    metrics.answered("GET", "/health", 200, 0.003)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(name="folder")
def _folder(tmp_path):
    wipe(tmp_path / "metrics")
    return tmp_path / "metrics"


def killed_worker(folder, requests):
    """The id of a process that counted so many requests and was killed with signal 9."""
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WORKER, str(folder), str(requests)]
    with subprocess.Popen(command, env=environ) as worker:
        worker.wait()
    return worker.pid


def test_what_killed_workers_counted_stays_and_their_files_do_not(folder):
    for number in range(1, 4):
        pid = killed_worker(folder, 100)
        assert {file.name for file in folder.glob(f"*_{pid}.db")}
        with reading(folder):
            fold(folder, alive=())  # changes nothing now
        fold(folder, alive={pid})  # nor this
        assert {file.name for file in folder.glob(f"*_{pid}.db")}
        fold(folder, alive=())
        fold(folder, alive=())  # nor a second time
        values = samples(Metrics(str(folder)).exposition().decode())
        assert values["http_requests_total", "method=GET,route=/health,status=200"] == 100 * number
        bucket = "le=0.005,method=GET,route=/health"
        assert values["http_request_duration_seconds_bucket", bucket] == 100 * number
        names = {file.name for file in folder.glob("*.db*")}
        assert names == {"counter_dead.db", "histogram_dead.db"}


def full_disk(*_):
    """As `os.posix_fallocate`."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_nothing_is_lost_and_a_new_worker_counts_apart(folder, monkeypatch):
    pid = killed_worker(folder, 5)
    with monkeypatch.context() as disk:
        disk.setattr(os, "posix_fallocate", full_disk)
        fold(folder, alive=())
        apart = reserve(folder, 1)
    assert not list(folder.glob("*.draft")) and not list(folder.glob("*_1.db"))
    values = samples(Metrics(str(folder)).exposition().decode())
    assert values["http_requests_total", "method=GET,route=/health,status=200"] == 5
    assert Path(apart).is_dir() and Path(apart) != folder
    os.rmdir(apart)
    fold(folder, alive=())
    assert not list(folder.glob(f"*_{pid}.db"))


def test_the_room_of_a_worker_is_on_the_disk_before_it_counts(folder):
    assert reserve(folder, 17) == str(folder)
    for file in folder.glob("*_17.db"):
        assert file.stat().st_blocks * 512 >= file.stat().st_size == 2**18
    assert not samples(Metrics(str(folder)).exposition().decode())


def test_a_file_that_a_worker_is_just_making_is_waited_for(folder):
    killed_worker(folder, 5)
    (folder / "counter_1.db").touch()
    threading.Timer(0.03, (folder / "counter_1.db").unlink).start()
    values = samples(Metrics(str(folder)).exposition().decode())
    assert values["http_requests_total", "method=GET,route=/health,status=200"] == 5


def test_a_start_begins_at_nothing(folder):
    killed_worker(folder, 5)
    fold(folder, alive=())
    wipe(folder)
    assert not samples(Metrics(str(folder)).exposition().decode())
