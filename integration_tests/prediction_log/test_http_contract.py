"""The service keeps what its OpenAPI document says, whatever it is sent.

Real Gunicorn, outbox and PostgreSQL; Airflow is a stub. 10,000 requests instead of some hundred:
`CONTRACT_EXAMPLES=600 .venv/bin/pytest -s integration_tests/prediction_log/test_http_contract.py`
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_connection

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from integration_tests.prediction_log.programs import ROOT
from integration_tests.prediction_log.rig import rig_with
from unit_tests.helpers import tiny

EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "12")
HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}
JSON = {"Content-Type": "application/json"}


class AirflowStub(BaseHTTPRequestHandler):
    """Airflow as far as the service asks it: starts every run, and knows those it started."""

    # pylint: disable=invalid-name # the base class wants them so

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """A token, or a new run."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, {"access_token": "t"})

    def do_GET(self):
        """Every run that the service started is running."""
        if "/dagRuns/service-" not in self.path:
            self._answer(404, {"detail": "not found"})
        elif self.path.endswith("/taskInstances"):
            self._answer(200, {"task_instances": []})
        else:
            self._answer(200, {"state": "running"})

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def airflow(folder):
    """A stub of Airflow, in the environment of what starts now."""
    passwords = folder / "passwords.json"
    passwords.write_text('{"admin": "x"}', encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), AirflowStub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_URL", f"http://127.0.0.1:{server.server_port}")
        environment.setenv("AIRFLOW_PASSWORD_FILE", str(passwords))
        yield
    server.shutdown()


@pytest.fixture(name="rig", scope="module")
def _rig(tmp_path_factory):
    with airflow(tmp_path_factory.mktemp("airflow")), rig_with(tiny.valuation("xgboost")) as rig:
        yield rig


@pytest.fixture(name="url")
def _url(rig):
    return f"http://127.0.0.1:{rig.service_port}"


def key_of(rig, name="api_key"):
    """One of the keys that the first start made."""
    return (rig.folder / "secrets" / name).read_text("ascii").strip()


def test_generated_requests_get_only_documented_answers(rig, url, tmp_path):
    before = rig.workers()
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"]
    options = ["--checks", "all", "--mode", "all", "--max-examples", EXAMPLES, "--no-color"]
    options += ["--seed", "5", "--generation-database", "none", "--continue-on-failure"]
    options += ["--header", f"X-API-Key: {key_of(rig)}", "--suppress-health-check", "all"]
    hooks = str(ROOT / "integration_tests" / "prediction_log" / "contract_hooks.py")
    done = subprocess.run(
        command + options,
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": hooks},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout[-6_000:] + done.stderr[-2_000:]
    assert done.returncode == 0, said
    generated = int(re.search(r"(\d+) generated", done.stdout)[1])
    assert generated >= 10 * int(EXAMPLES), said
    assert rig.workers() == before
    print(f"schemathesis: {generated} requests")  # shown with -s


HOSTILE = {
    b"": 400,
    b"[" * 60_000: 400,
    b'{"a":' * 60_000: 400,
    b'[{"model":' + b"[" * 300 + b"]" * 300 + b"}]": 400,
    b"9" * 5_000: 400,
    b'{"year": ' + b"9" * 4_000 + b"}": 422,
    b'{"year": NaN}': 400,
    b'{"year": Infinity}': 400,
    b'{"year": 1e999}': 422,
    b'{"model": "\xff"}': 400,
    b'{"model": "\\ud800"}': 400,
    b'{"model": "\\u0000"}': 422,
    b'{"year": 2014, "year": 2015, "manufacturer": "honda", "odometer": 1}': 400,
    b'{"year": true, "manufacturer": "honda", "odometer": 1}': 422,
    b'{"year": "2014", "manufacturer": "honda", "odometer": 1}': 422,
    b'{"year": 2014, "manufacturer": "\\u200b", "odometer": 1}': 422,
    b'{"__proto__": 1, "constructor": 2}': 422,
    b"\xef\xbb\xbf{}": 400,
    '{"year": 2014}'.encode("utf-16"): 400,
    b"{}{}": 400,
    b"null": 422,
    b"[]": 422,
    b"[[]]": 422,
    b"[" + b"{}," * 1_000 + b"{}]": 422,
    b" " * 3_000_000: 413,
}


@pytest.mark.parametrize("path", ["/predict", "/feedback", "/train"])
def test_no_hostile_body_is_a_server_error_and_no_worker_dies(rig, url, path):
    before, headers = rig.workers(), JSON | {"X-API-Key": key_of(rig)}
    for body, status in HOSTILE.items():
        for sent in (body, iter([body])):  # with its length, and chunked
            answer = requests.post(url + path, sent, headers=headers, timeout=20)
            assert 400 <= answer.status_code < 500, (path, body[:40], answer.text[:200])
            assert answer.headers["Content-Type"] == "application/problem+json"
            if path == "/predict" and body:
                assert answer.status_code == status, (body[:40], answer.text[:200])
    assert rig.workers() == before


FILES = [b"\x00" * 1_000, b"a\n" * 200_000, b'"' * 70_000, b"PAR1" * 3, b"year,year\n1,2\n"]


@pytest.mark.parametrize("media", ["text/csv", "application/vnd.apache.parquet"])
def test_no_hostile_file_is_a_server_error_and_no_worker_dies(rig, url, media):
    before = rig.workers()
    for body in (*FILES, *HOSTILE):
        for encoding in ({}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "nonsense"}):
            headers = {"Content-Type": media} | encoding
            answer = requests.post(f"{url}/predict/batch", body, headers=headers, timeout=60)
            assert answer.status_code < 500, (body[:40], encoding, answer.text[:200])
    assert rig.workers() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_a_body_of_another_type_is_415(url, headers):
    answer = requests.post(f"{url}/predict", json.dumps(HONDA), headers=headers, timeout=20)
    assert answer.status_code == 415


BROKEN = {
    b"NONSENSE\r\n\r\n": 400,
    b"GET / HTTP/9.9\r\n\r\n": 400,
    b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n": 400,
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: a\r\n" * 200 + b"\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n": 400,
    b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n": 400,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}": 400,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    b"GET /health HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /x\r\nConnection: close\r\n\r\n": 200,
    b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n": 417,
}


@pytest.mark.parametrize("sent", BROKEN, ids=lambda sent: repr(sent[:40]))
def test_what_is_not_http_is_a_problem_too(rig, sent):
    before = rig.workers()
    with create_connection(("127.0.0.1", rig.service_port), timeout=10) as line:
        line.sendall(sent)
        answer = HTTPResponse(line)
        answer.begin()
        body = json.loads(answer.read())
    assert answer.status == BROKEN[sent], body
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert body["status"] == answer.status and body["detail"]
    assert rig.workers() == before


def test_a_refused_body_does_not_hold_up_the_next_request_on_its_connection(url):
    with requests.Session() as session:
        for _ in range(100):  # its thread worker alone lets one in fifty wait
            for method in ("PUT", "DELETE", "POST"):
                answer = session.request(method, f"{url}/train", json={"seed": 1}, timeout=20)
                assert answer.status_code in (401, 405)


def metric(url, name, **labels):
    """The sum of the samples that have these labels."""
    families = text_string_to_metric_families(requests.get(f"{url}/metrics", timeout=20).text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(s.value for s in samples if labels.items() <= s.labels.items())


def test_counters_are_right_over_all_workers_after_kills_and_reloads(rig, url):
    labels = {"method": "GET", "route": "/health", "status": "200"}
    before, files = metric(url, "http_requests_total", **labels), set()
    sent = 0
    for number in range(4):
        for _ in range(50):
            requests.get(f"{url}/health", timeout=20)
            sent += 1
        assert metric(url, "http_requests_total", **labels) == before + sent
        if number < 3:
            renew(rig, (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)[number])
        files.add(len(list((rig.folder / "run").glob("metrics-*/*.db"))))
    assert metric(url, "http_request_duration_seconds_count", route="/health") >= before + sent
    assert max(files) <= 2 * (2 + 1)  # two kinds; two workers and the dead
    assert metric(url, "vehicle_price_workers") == 2


def renew(rig, how):
    """Let other workers take the place of all there are, and wait until they serve."""
    before = rig.workers()
    if how == signal.SIGHUP:
        rig.service.process.send_signal(how)
    else:
        for pid in before:
            os.kill(pid, how)
    for _ in range(300):
        now = rig.workers()
        if len(now) == len(before) and not set(now) & set(before):
            break
        time.sleep(0.1)
    rig.wait_for_service()
    time.sleep(1)  # the other worker too


def test_the_access_log_names_request_and_caller_and_not_the_key(rig, url):
    headers = {"X-API-Key": key_of(rig), "X-Request-ID": "order-17"}
    answer = requests.post(f"{url}/train", headers=headers, timeout=20)
    assert answer.headers["X-Request-ID"] == "order-17"
    time.sleep(0.5)  # the line is written after the answer
    log = (rig.folder / "service.log").read_text("utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert any((x.get("request_id"), x.get("caller")) == ("order-17", "default") for x in lines)
    assert key_of(rig) not in log
