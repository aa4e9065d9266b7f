"""Whatever is sent to the service, its answers conform to its OpenAPI document.

Real Gunicorn, outbox and PostgreSQL; Airflow is a stub. With 10,000 requests instead of some 1,000:
`CONTRACT_EXAMPLES=600 .venv/bin/pytest -s integration_tests/prediction_log/test_http_contract.py`
"""

import json
import os
import re
import signal
from contextlib import contextmanager
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_connection

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from integration_tests.helpers.http_contract import BROKEN, FILES, HOSTILE, run_schemathesis
from integration_tests.helpers.http_server import serving
from integration_tests.helpers.service import HONDA, read_api_key
from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.harness import prediction_log_harness
from unit_tests.helpers import tiny

EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "12")
JSON = {"Content-Type": "application/json"}


class AirflowStub(BaseHTTPRequestHandler):
    """The part of Airflow's API that the service uses. Every run is accepted, and is running."""

    # pylint: disable=invalid-name # names of the base class

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """A token, or a new run."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, {"access_token": "t"})

    def do_GET(self):
        """The state of a run that the service started."""
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
        """No line per request."""


@contextmanager
def airflow_stub(folder):
    """A stub of Airflow; AIRFLOW_URL leads processes that start in this block to it."""
    passwords = folder / "passwords.json"
    passwords.write_text('{"admin": "x"}', encoding="utf-8")
    stub = ThreadingHTTPServer(("127.0.0.1", 0), AirflowStub)
    with serving(stub) as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_URL", f"http://127.0.0.1:{server.server_port}")
        environment.setenv("AIRFLOW_PASSWORD_FILE", str(passwords))
        yield


@pytest.fixture(name="harness", scope="module")
def _harness(tmp_path_factory):
    with (
        airflow_stub(tmp_path_factory.mktemp("airflow")),
        prediction_log_harness(tiny.valuation("xgboost")) as harness,
    ):
        yield harness


@pytest.fixture(name="url")
def _url(harness):
    return f"http://127.0.0.1:{harness.service_port}"


def test_generated_requests_get_only_documented_answers(harness, url, tmp_path):
    before = harness.workers()
    keys = [read_api_key(harness.folder, name) for name in ("api_key", "monitoring_key")]
    completed = run_schemathesis(url, *keys, EXAMPLES, tmp_path)
    output = completed.stdout[-6_000:] + completed.stderr[-2_000:]
    assert completed.returncode == 0, output
    generated = int(re.search(r"(\d+) generated", completed.stdout)[1])
    assert generated >= 10 * int(EXAMPLES), output
    for status in ("200", "422"):  # so it was asked with its own key
        assert metric(url, "http_requests_total", route="/monitoring", status=status)
    assert harness.workers() == before
    print(f"schemathesis: {generated} requests")  # shown with -s


@pytest.mark.parametrize("path", ["/predict", "/feedback", "/train"])
def test_no_hostile_body_is_a_server_error_and_no_worker_dies(harness, url, path):
    before, headers = harness.workers(), JSON | {"X-API-Key": read_api_key(harness.folder)}
    for body, status in HOSTILE.items():
        for content in (body, iter([body])):  # with Content-Length, and chunked
            answer = requests.post(url + path, content, headers=headers, timeout=20)
            assert 400 <= answer.status_code < 500, (path, body[:40], answer.text[:200])
            assert answer.headers["Content-Type"] == "application/problem+json"
            if path == "/predict" and body:
                assert answer.status_code == status, (body[:40], answer.text[:200])
    assert harness.workers() == before


@pytest.mark.parametrize("media", ["text/csv", "application/vnd.apache.parquet"])
def test_no_hostile_file_is_a_server_error_and_no_worker_dies(harness, url, media):
    before = harness.workers()
    for body in (*FILES, *HOSTILE):
        for encoding in ({}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "nonsense"}):
            headers = {"Content-Type": media} | encoding
            answer = requests.post(f"{url}/predict/batch", body, headers=headers, timeout=60)
            assert answer.status_code < 500, (body[:40], encoding, answer.text[:200])
    assert harness.workers() == before


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


@pytest.mark.parametrize("sent", BROKEN, ids=lambda sent: repr(sent[:40]))
def test_a_malformed_http_request_is_answered_with_a_problem_document(harness, sent):
    before = harness.workers()
    with create_connection(("127.0.0.1", harness.service_port), timeout=10) as connection:
        connection.sendall(sent)
        answer = HTTPResponse(connection)
        answer.begin()
        body = json.loads(answer.read())
    assert answer.status == BROKEN[sent], body
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert body["status"] == answer.status and body["detail"]
    assert harness.workers() == before


def test_a_refused_body_does_not_hold_up_the_next_request_on_its_connection(url):
    with requests.Session() as session:
        for _ in range(100):  # Gunicorn's own thread worker delays one request in fifty
            for method in ("PUT", "DELETE", "POST"):
                answer = session.request(method, f"{url}/train", json={"seed": 1}, timeout=20)
                assert answer.status_code in (401, 405)


def metric(url, name, **labels):
    """The sum of a metric's samples that have these labels."""
    families = text_string_to_metric_families(requests.get(f"{url}/metrics", timeout=20).text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(s.value for s in samples if labels.items() <= s.labels.items())


def test_counters_are_right_over_all_workers_after_kills_and_reloads(harness, url):
    labels = {"method": "GET", "route": "/health", "status": "200"}
    before, sent, files = metric(url, "http_requests_total", **labels), 0, []
    for number in range(4):
        for _ in range(50):
            requests.get(f"{url}/health", timeout=20)
            sent += 1
        assert metric(url, "http_requests_total", **labels) == before + sent
        if number < 3:
            replace_workers(harness, (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)[number])
        files.append(len(metrics_files(harness)))
    assert metric(url, "http_request_duration_seconds_count", route="/health") >= before + sent
    assert max(files) <= 2 * (2 + 1)  # two kinds; two workers and the dead
    assert metric(url, "vehicle_price_workers") == 2


def replace_workers(harness, by_signal):
    """Let Gunicorn replace all its workers and add up the metrics of the old ones."""
    before = harness.workers()
    if by_signal == signal.SIGHUP:
        harness.service.process.send_signal(by_signal)
    else:
        for pid in before:
            os.kill(pid, by_signal)
    wait_until(lambda: len(harness.workers()) == len(before) and not harness.workers() & before)
    old_files = {f"{kind}_{pid}.db" for kind in ("counter", "histogram") for pid in before}
    wait_until(lambda: not metrics_files(harness) & old_files)
    harness.wait_for_service()


def metrics_files(harness):
    """Names of the files in which workers count."""
    return {path.name for path in (harness.folder / "run").glob("metrics-*/*.db")}


def test_the_access_log_names_request_and_caller_and_not_the_key(harness, url):
    headers = {"X-API-Key": read_api_key(harness.folder), "X-Request-ID": "order-17"}
    answer = requests.post(f"{url}/train", headers=headers, timeout=20)
    assert answer.headers["X-Request-ID"] == "order-17"
    entry = ("order-17", "default")
    wait_until(lambda: entry in logged(harness))  # the line is written after the answer
    assert read_api_key(harness.folder) not in (harness.folder / "service.log").read_text("utf-8")


def logged(harness):
    """(request id, caller) of each line of the access log."""
    lines = (harness.folder / "service.log").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [(entry.get("request_id"), entry.get("caller")) for entry in entries]
