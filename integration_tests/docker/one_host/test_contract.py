"""The HTTP contract through nginx: the tests of the service alone, sent to the containers."""

import json
import re
import subprocess
from contextlib import suppress
from http.client import HTTPResponse
from socket import create_connection

import pytest
import requests

from integration_tests.helpers.http_contract import BROKEN, FILES, HOSTILE, run_schemathesis
from integration_tests.helpers.service import HONDA
from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import TRAIN
from vehicle_price.airflow_client import TrainingUnavailable

EXAMPLES = "6"
JSON = {"Content-Type": "application/json"}
# What nginx answers by itself, before the service sees the request.
BY_NGINX = {
    b"GET / HTTP/9.9\r\n\r\n": 505,
    b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n": 501,
    b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n": 200,
}


@pytest.fixture(name="airflow", scope="module")
def fixture_airflow(docker):
    """The real Airflow: the trainings that requests have started are ended with the tests."""
    airflow = docker.airflow()
    yield airflow
    wait_until(lambda: end_trainings(airflow))


def end_trainings(airflow):
    """End those that wait, then the one that runs; whether none is left. Airflow may answer 500
    while its scheduler locks the same rows."""
    left = [run for run in airflow.trainings() if run["state"] in ("queued", "running")]
    for run in sorted(left, key=lambda run: run["state"] == "running"):
        with suppress(TrainingUnavailable):
            airflow.cancel(TRAIN, run["dag_run_id"])
    return not left


def worker_pids(docker):
    """Process ids of everything in the service's container."""
    lines = subprocess.check_output(
        ["docker", "top", docker.container("service").id, "-o", "pid"], text=True
    )
    return set(lines.split()[1:])


def test_generated_requests_get_only_documented_answers(docker, airflow, tmp_path):
    keys = docker.secret("API_KEY"), docker.secret("MONITORING_KEY")
    before, trainings = worker_pids(docker), airflow.ids(TRAIN)
    completed = run_schemathesis(docker.service_url, *keys, EXAMPLES, tmp_path)
    output = completed.stdout[-6_000:] + completed.stderr[-2_000:]
    assert completed.returncode == 0, output
    assert int(re.search(r"(\d+) generated", completed.stdout)[1]) >= 10 * int(EXAMPLES), output
    assert worker_pids(docker) == before
    assert airflow.ids(TRAIN) > trainings  # POST /train reached Airflow


@pytest.mark.parametrize("path", ["/predict", "/feedback", "/train"])
def test_no_hostile_body_is_a_server_error_and_no_worker_dies(docker, path):
    before, headers = worker_pids(docker), JSON | {"X-API-Key": docker.secret("API_KEY")}
    for body, status in HOSTILE.items():
        for content in (body, iter([body])):  # with Content-Length, and chunked
            answer = requests.post(docker.service_url + path, content, headers=headers, timeout=20)
            assert 400 <= answer.status_code < 500, (path, body[:40], answer.text[:200])
            assert answer.headers["Content-Type"] == "application/problem+json"
            if path == "/predict" and body:
                assert answer.status_code == status, (body[:40], answer.text[:200])
    assert worker_pids(docker) == before


@pytest.mark.parametrize("media", ["text/csv", "application/vnd.apache.parquet"])
def test_no_hostile_file_is_a_server_error_and_no_worker_dies(docker, media):
    before, url = worker_pids(docker), f"{docker.service_url}/predict/batch"
    for body in (*FILES, *HOSTILE):
        for encoding in ({}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "nonsense"}):
            answer = requests.post(
                url, body, headers={"Content-Type": media} | encoding, timeout=60
            )
            assert answer.status_code < 500, (body[:40], encoding, answer.text[:200])
    assert worker_pids(docker) == before


@pytest.mark.parametrize("sent", BROKEN, ids=lambda sent: repr(sent[:40]))
def test_a_malformed_http_request_is_answered_with_a_problem_document(docker, sent):
    port = int(docker.environ["SERVICE_PORT"])
    with create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        answer = HTTPResponse(connection)
        answer.begin()
        body = json.loads(answer.read())
    assert answer.status == BY_NGINX.get(sent, BROKEN[sent]), body
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert body["status"] == answer.status and body["detail"]


def test_a_client_cannot_choose_the_address_that_it_is_known_by(docker):
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "who-am-i"}
    requests.post(f"{docker.service_url}/predict", json=HONDA, headers=headers, timeout=20)
    (line,) = [line for line in docker.log("service").splitlines() if '"who-am-i"' in line]
    assert "203.0.113.9" not in line
    assert docker.environ["NGINX_ADDRESS"] not in line  # it is the client's, not the proxy's
