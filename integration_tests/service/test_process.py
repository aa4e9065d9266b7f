"""The service as Gunicorn runs it: no request of a hostile client ends a worker."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
import requests

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.processes import ROOT
from integration_tests.helpers.service import HONDA, read_api_key, worker_pids
from integration_tests.helpers.waiting import answers, wait_until

JSON = {"Content-Type": "application/json"}


class GunicornProcess:
    """A running Gunicorn."""

    def __init__(self, folder, master, port):
        self.folder, self.log, self.master = folder, folder / "service.log", master
        self.address, self.url = ("127.0.0.1", port), f"http://127.0.0.1:{port}"

    def workers(self):
        """Process ids of the workers."""
        return worker_pids(self.master.pid)

    def has_started(self):
        """Whether it answers."""
        assert self.master.poll() is None, "Gunicorn ended at its start"
        return answers(self.url + "/health")

    def status_of(self, content):
        """The status of the answer to these bytes, or 0 if the connection was closed."""
        with closing(socket.create_connection(self.address, timeout=2)) as connection:
            try:
                connection.sendall(content)
                beginning = connection.recv(64)
            except (TimeoutError, ConnectionError):
                return 0
        return int(beginning.split()[1]) if beginning else 0


@pytest.fixture(name="process", scope="module")
def _process(tmp_path_factory):
    """The service without a model: it checks a request before it needs the model."""
    folder = tmp_path_factory.mktemp("service")
    port = free_port()
    environment = os.environ | {
        "SERVICE_PORT": str(port),
        "LOCAL_DIR": str(folder),
        "MODEL_DIR": str(folder / "model"),
        "API_KEY_FILE": str(folder / "secrets" / "api_key"),
        "AIRFLOW_URL": f"http://127.0.0.1:{free_port()}",
        "AIRFLOW_PASSWORD_FILE": str(folder / "passwords.json"),
    }
    (folder / "passwords.json").write_text('{"admin": "x"}', encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "-c", "service/gunicorn.conf.py"]
    with (
        keep_logs(folder),
        (folder / "service.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as master,
    ):
        process = GunicornProcess(folder, master, port)
        try:
            wait_until(process.has_started)
            yield process
        finally:
            master.terminate()
    assert master.returncode == 0


def test_no_body_is_a_server_error_and_no_worker_dies(process):
    before = process.workers()
    bodies = {
        b"[" * 60_000: 400,
        b"9" * 5_000: 400,
        b'{"year": NaN}': 400,
        b'{"model": "\xff"}': 400,
        b'{"model": "\\ud800"}': 400,
        b'{"year": 1e999}': 422,
        b"[]": 422,
        json.dumps([HONDA] * 1_001).encode(): 422,
        b" " * 20_000_000: 413,
    }
    for body, status in bodies.items():
        for _ in range(4):  # so that each worker receives some
            answer = requests.post(process.url + "/predict", body, headers=JSON, timeout=20)
            assert answer.status_code == status, body[:20]
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert process.workers() == before and len(before) >= 2


def test_a_chunked_body_of_20_megabytes_is_too_large(process):
    chunks = (b" " * 65_536 for _ in range(320))
    answer = requests.post(process.url + "/predict", chunks, headers=JSON, timeout=20)
    assert answer.status_code == 413


def test_broken_http_is_refused_and_no_worker_dies(process):
    before = process.workers()
    start = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for content in (
        start + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        start + b"Content-Length: -5\r\n\r\n{}",
        start + b"Content-Length: 99999999999\r\n\r\n",
        start + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x00\xff" * 100 + b"\r\n\r\n",
        b"GET /?model=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /train/%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /train HTTP/1.1\r\nHost: x\r\nX-API-Key: \xff\xfe\r\n\r\n",
    ):
        assert process.status_of(content) < 500, content[:80]
    assert process.workers() == before


def test_without_a_model_the_service_is_alive_but_not_ready(process):
    assert requests.get(process.url + "/health", timeout=5).status_code == 200
    for answer in (
        requests.get(process.url + "/ready", timeout=5),
        requests.post(process.url + "/predict", json=HONDA, timeout=5),
    ):
        assert answer.status_code == 503 and "make retrain" in answer.json()["detail"]


def test_training_names_airflow_when_it_is_down(process):
    key = read_api_key(process.folder)
    answer = requests.post(process.url + "/train", headers={"X-API-Key": key}, timeout=20)
    assert answer.status_code == 503 and "Airflow at http://127.0.0.1" in answer.json()["detail"]
    assert key not in process.log.read_text(encoding="utf-8")


def test_the_access_log_is_one_json_object_a_line(process):
    requests.get(process.url + '/nothing"\\here?model=secret', timeout=5)
    wait_until(lambda: ('/nothing"\\here', 404) in logged_requests(process))
    assert "secret" not in process.log.read_text(encoding="utf-8")


def logged_requests(process):
    """(path, status) of each complete line of the access log."""
    lines = process.log.read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [(entry["path"], entry["status"]) for entry in entries]
