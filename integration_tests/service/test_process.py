"""The service as Gunicorn runs it: hostile clients, real sockets, and no worker dies of them."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}
JSON = {"Content-Type": "application/json"}


def free_port():
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A running Gunicorn."""

    def __init__(self, folder, master, port):
        self.key, self.log, self.master = folder / "api_key", folder / "log", master
        self.address, self.url = ("127.0.0.1", port), f"http://127.0.0.1:{port}"

    def workers(self):
        """The worker processes' ids."""
        children = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children")
        return sorted(children.read_text(encoding="ascii").split())

    def wait(self):
        """Return once it answers."""
        for _ in range(150):
            assert self.master.poll() is None, "Gunicorn stopped at its start"
            try:
                return requests.get(self.url + "/health", timeout=60)
            except requests.ConnectionError:
                time.sleep(0.2)
        raise TimeoutError("Gunicorn does not answer")

    def raw(self, sent):
        """The status of what is answered to these bytes, or 0 for a closed connection."""
        with closing(socket.create_connection(self.address, timeout=2)) as line:
            try:
                line.sendall(sent)
                first = line.recv(64)
            except (TimeoutError, ConnectionError):
                return 0
        return int(first.split()[1]) if first else 0


@pytest.fixture(name="process", scope="module")
def _process(tmp_path_factory):
    """The service with no model: what is wrong with a request is said before that."""
    folder = tmp_path_factory.mktemp("service")
    port = free_port()
    environment = os.environ | {
        "SERVICE_PORT": str(port),
        "LOCAL_DIR": str(folder),
        "MODEL_DIR": str(folder / "model"),
        "API_KEY_FILE": str(folder / "api_key"),
        "AIRFLOW_URL": f"http://127.0.0.1:{free_port()}",
        "AIRFLOW_PASSWORD_FILE": str(folder / "passwords.json"),
    }
    (folder / "passwords.json").write_text('{"admin": "x"}', encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "-c", "service/gunicorn.conf.py"]
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as master,
    ):
        process = Process(folder, master, port)
        try:
            process.wait()
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
        for _ in range(4):  # so that each worker gets its share
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
    for sent in (
        start + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        start + b"Content-Length: -5\r\n\r\n{}",
        start + b"Content-Length: 99999999999\r\n\r\n",
        start + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x00\xff" * 100 + b"\r\n\r\n",
        b"GET /?model=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /train/%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /train HTTP/1.1\r\nHost: x\r\nX-API-Key: \xff\xfe\r\n\r\n",
    ):
        assert process.raw(sent) < 500, sent[:80]
    assert process.workers() == before


def test_without_a_model_the_service_is_alive_but_not_ready(process):
    assert requests.get(process.url + "/health", timeout=5).status_code == 200
    for answer in (
        requests.get(process.url + "/ready", timeout=5),
        requests.post(process.url + "/predict", json=HONDA, timeout=5),
    ):
        assert answer.status_code == 503 and "make retrain" in answer.json()["detail"]


def test_training_names_airflow_when_it_is_down(process):
    header = {"X-API-Key": process.key.read_text(encoding="ascii").strip()}
    answer = requests.post(process.url + "/train", headers=header, timeout=20)
    assert answer.status_code == 503 and "Airflow at http://127.0.0.1" in answer.json()["detail"]
    assert header["X-API-Key"] not in process.log.read_text(encoding="utf-8")


def test_the_access_log_is_one_json_object_a_line(process):
    requests.get(process.url + '/nothing"\\here?model=secret', timeout=5)
    time.sleep(0.2)
    lines = process.log.read_text(encoding="utf-8").splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    assert any(line["path"] == '/nothing"\\here' and line["status"] == 404 for line in logged)
    assert not any("secret" in line for line in lines)
