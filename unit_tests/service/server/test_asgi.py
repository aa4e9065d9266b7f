"""Requests as the server hands them to Flask: their bodies, bounds, log lines."""

import json
import os

import pytest

from service.app import create_service
from service.server import flask_threads, uploads
from service.server.access_log import AccessLog
from service.server.asgi import Service
from service.server.connections import Connections
from service.server.uploads import Uploads
from unit_tests.helpers.asgi import ask, ask_connection
from unit_tests.helpers.service_fakes import API_KEY, REQUIRED, components_with
from vehicle_price.settings import Settings

# pylint: disable=protected-access # a test looks at what clients do not see

CSV = b"year,manufacturer,odometer\n2014,honda,88000\n"


class EagerLog(AccessLog):
    """Writes each line at once."""

    def add(self, *line):
        """Writes it."""
        super().add(*line)
        self.flush()


def log_in(folder):
    """An access log in a file of `folder`."""
    return EagerLog(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND))


@pytest.fixture(name="lines")
def _lines(tmp_path):
    """The lines of the access log so far."""
    return lambda: [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines()]


def service_of(app, folder, disk=2**20, limit=100_000):
    """A service around a WSGI application, with small bounds."""
    return Service(
        app,
        None,
        connections=Connections(10),
        uploads=Uploads(folder / "uploads", disk),
        body_limit=lambda path: limit,
        access_log=log_in(folder),
    )


def echo_length(environ, start_response):
    """Answers the number of bytes in the request, one byte at a time."""
    size = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(size)))])
    return [size[n : n + 1] for n in range(len(size))]


@pytest.mark.parametrize("size", [0, 1, uploads.IN_MEMORY, uploads.IN_MEMORY + 1, 99_999])
def test_the_whole_body_reaches_the_application_from_memory_or_disk(tmp_path, size):
    service = service_of(echo_length, tmp_path)
    body = b"x" * size
    for blocks in (body, [body[:7], body[7:]], [body, b""]):
        assert ask(service, "POST", "/", blocks).body == str(size).encode()
    assert not list((tmp_path / "uploads").glob("*"))  # the files have no name


def test_of_a_body_above_the_limit_one_byte_more_is_kept_and_the_rest_is_read(tmp_path):
    service = service_of(echo_length, tmp_path, limit=10)
    assert ask(service, "POST", "/", [b"x" * 8, b"x" * 50, b"x"]).body == b"11"


def test_a_body_that_breaks_off_is_neither_answered_nor_logged(tmp_path, lines):
    service = service_of(echo_length, tmp_path)
    with pytest.raises(IndexError):  # nothing was sent
        ask(service, "POST", "/", [])
    assert not lines()


def test_uploads_beyond_their_disk_are_refused_and_give_their_room_back(tmp_path, lines):
    service = service_of(echo_length, tmp_path, disk=100_000, limit=10**9)
    for _ in range(3):
        answer = ask(service, "POST", "/", [b"x" * 60_000, b"x" * 60_000])
        assert answer.status == 503 and answer.json["type"].endswith("no-room")
        assert answer.headers["retry-after"] == "30"
        assert ask(service, "POST", "/", b"x" * 100_000).body == b"100000"
    assert [line["status"] for line in lines()] == [503, 200] * 3


def test_a_full_disk_is_no_fault_of_the_client(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads.tempfile, "TemporaryFile", full)
    answer = ask(service_of(echo_length, tmp_path), "POST", "/", b"x" * 70_000)
    assert answer.status == 503 and answer.json["type"].endswith("no-room")


def test_small_bodies_go_to_disk_when_the_memory_for_them_is_used_up(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MEMORY_BYTES", 10)
    created = []
    service = service_of(echo_length, tmp_path)
    make = service._uploads.temporary_file
    monkeypatch.setattr(service._uploads, "temporary_file", lambda: created.append(1) or make())
    assert ask(service, "POST", "/", b"x" * 10).body == b"10" and not created
    assert ask(service, "POST", "/", b"x" * 11).body == b"11" and created


def test_too_many_requests_at_once_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(flask_threads, "MAX_REQUESTS", 0)
    answer = ask(service_of(echo_length, tmp_path), "GET", "/")
    assert answer.status == 503 and answer.headers["retry-after"] == "5"


def test_the_access_log_has_a_line_for_each_answer_of_either_way(tmp_path, lines):
    service = create_service(components_with(tmp_path), Settings())
    service.access_log = log_in(tmp_path)
    headers = {"Content-Type": "application/json", "X-Request-ID": "order-17"}
    body = json.dumps(REQUIRED).encode()
    sizes = [len(ask_connection(service, "/predict", body, headers).body)]
    keyed = headers | {"X-API-Key": API_KEY}
    sizes.append(len(ask(service, "POST", "/predict?model=secret", body, keyed).body))
    by_loop, by_flask = lines()
    assert [by_loop["bytes"], by_flask["bytes"]] == sizes
    assert by_flask.pop("caller") == "default"
    for line in (by_loop, by_flask):
        assert line.pop("time")[-6:] == "+00:00" and line.pop("milliseconds") > 0
        line.pop("bytes")
    expected = {"method": "POST", "path": "/predict", "status": 200, "client": "10.0.0.1"}
    assert by_loop == by_flask == expected | {"request_id": "order-17", "model_version": "7"}
    assert "secret" not in (tmp_path / "log").read_text("utf-8")


def test_a_file_is_streamed_through_the_server_and_gives_its_place_back(tmp_path):
    service = create_service(components_with(tmp_path), Settings())
    for _ in range(5):  # more than may be handled at a time
        answer = ask(service, "POST", "/predict/batch", CSV, {"Content-Type": "text/csv"})
        assert answer.status == 200 and b"20140" in answer.body


def test_behind_a_proxy_the_forwarded_address_is_the_client(tmp_path, lines):
    settings = Settings(trusted_proxies="10.0.0.0/8")
    service = create_service(components_with(tmp_path), settings)
    service.access_log = log_in(tmp_path)
    headers = {"Content-Type": "application/json"}
    forwarded = headers | {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.7"}
    for sent in (forwarded, forwarded | {"X-API-Key": API_KEY}, headers):
        ask_connection(service, "/predict", json.dumps(REQUIRED).encode(), sent)
    assert [line["client"] for line in lines()] == ["203.0.113.9", "203.0.113.9", "10.0.0.1"]


def test_without_proxies_nobody_can_claim_another_address(tmp_path, lines):
    service = create_service(components_with(tmp_path), Settings())
    service.access_log = log_in(tmp_path)
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.9"}
    for sent in (headers, headers | {"X-API-Key": API_KEY}):
        ask_connection(service, "/predict", json.dumps(REQUIRED).encode(), sent)
    assert [line["client"] for line in lines()] == ["10.0.0.1", "10.0.0.1"]


def test_an_answer_that_nobody_reads_ends_and_is_closed(tmp_path):
    ended = []

    def endless(_, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x"
        finally:
            ended.append(True)

    assert ask(service_of(endless, tmp_path), "GET", "/", lost=True).body == b"" and ended == [True]
