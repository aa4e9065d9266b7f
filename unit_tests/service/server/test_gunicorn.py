"""What Gunicorn says and logs by functions of ours: broken requests, a line for each answer."""

import json
import logging
import socket
from datetime import timedelta
from http.client import HTTPResponse
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from service.server.access_log import AccessLogger
from service.server.error_page import write_error


@pytest.mark.parametrize("status, answered", [(400, 400), (431, 431), (501, 400)])
def test_a_broken_request_is_answered_by_a_problem(status, answered):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write_error(ours, status, "reason", "a line of 9,000 bytes \ud83d <b>")
        answer = HTTPResponse(theirs)
        answer.begin()
        body = json.loads(answer.read())
    assert (answer.status, body["status"]) == (answered, answered)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Connection"] == "close"
    assert body["detail"].startswith("a line of 9,000 bytes")


@pytest.fixture(name="logged")
def _logged(tmp_path):
    """A function from (status, WSGI environment) to the line that is logged."""
    config = Config()
    config.set("accesslog", str(tmp_path / "access.log"))
    logger = AccessLogger(config)

    def log(status, **environ):
        answer, incoming = SimpleNamespace(status=status, sent=5), SimpleNamespace(path="/raw")
        environ = {"REQUEST_METHOD": "GET", "REMOTE_ADDR": "10.0.0.1"} | environ
        logger.access(answer, incoming, environ, timedelta(milliseconds=2))
        return json.loads((tmp_path / "access.log").read_text("utf-8").splitlines()[-1])

    return log


def test_the_line_names_what_the_application_noted(logged):
    noted = {"request_id": "order-17", "model_version": "7", "caller": "dealer"}
    environ = {f"vehicle_price.{name}": value for name, value in noted.items()}
    line = logged("200 OK", PATH_INFO="/predict", QUERY_STRING="model=secret", **environ)
    assert noted.items() <= line.items()
    assert (line["path"], line["status"], line["milliseconds"]) == ("/predict", 200, 2.0)
    assert "secret" not in str(line)


def test_a_handler_that_is_no_stream_gets_records(tmp_path):
    config, seen = Config(), []
    config.set("accesslog", str(tmp_path / "access.log"))
    logger = AccessLogger(config)
    handler = logging.NullHandler()
    handler.handle = lambda record: seen.append(record.getMessage())
    late = logging.FileHandler(tmp_path / "late.log", delay=True)
    logger.access_log.addHandler(handler)
    logger.access_log.addHandler(late)
    answer, incoming = SimpleNamespace(status="200 OK", sent=5), SimpleNamespace(path="/100%")
    logger.access(answer, incoming, {"REQUEST_METHOD": "GET"}, timedelta(0))
    logger.access_log.removeHandler(handler)
    logger.access_log.removeHandler(late)
    late.close()
    assert (tmp_path / "late.log").read_text("utf-8") == seen[0] + "\n"
    assert [json.loads(line)["path"] for line in seen] == ["/100%"]


def test_a_request_that_was_not_understood_is_logged_too(logged):
    line = logged("501 Not Implemented")
    assert (line["path"], line["status"]) == ("/raw", 400)
