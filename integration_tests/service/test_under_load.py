"""Slow clients, reloads and the end of a service: nobody else notices, nobody is left waiting."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from benchmarks.harness import load, servers
from unit_tests.helpers import tiny
from vehicle_price.model import artifact

HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}
ASKED = load.request("/predict", json.dumps(HONDA).encode())
SLOW = 400


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    artifact.save(tiny.valuation("xgboost"), folder)
    return folder


@pytest.fixture(name="server")
def _server(model, tmp_path) -> Iterator[servers.Server]:
    """Two workers that serve the tiny model."""
    with servers.service(tmp_path, model, 2) as server:
        yield server


def workers(server: servers.Server) -> set[str]:
    """The worker processes' ids."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return set(children.read_text(encoding="ascii").split())


@contextmanager
def unfinished(server: servers.Server, begun: bytes, count: int) -> Iterator[None]:
    """So many connections that sent the beginning of a request, and nothing more."""
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
    try:
        for line in lines:
            line.sendall(begun)
        time.sleep(1)
        yield
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize("begun", [b"", ASKED[:20], ASKED[:-5]], ids=["nothing", "head", "body"])
def test_400_clients_that_stop_halfway_keep_nobody_waiting(server, begun):
    with unfinished(server, begun, SLOW):
        answers = load.run(server.port, [ASKED], 8, 2)
    assert answers.failed == 0 and answers.statuses[200]


def test_10_reloads_under_load_fail_no_request(server):
    found: list[load.Answers] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            found.append(load.run(server.port, [ASKED], 8, 1))

    client = threading.Thread(target=ask)
    client.start()
    try:
        for _ in range(10):
            old = workers(server)
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda gone=old: len(workers(server)) == 2 and not workers(server) & gone)
            assert client.is_alive()
    finally:
        stop.set()
        client.join()
    assert [answers.failed for answers in found] == [0] * len(found)
    assert sum(answers.statuses[200] for answers in found)


def test_a_request_under_way_is_answered_before_the_service_ends(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(ASKED[:-5])
        time.sleep(1)
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(1)
        line.sendall(ASKED[-5:])
        assert line.recv(64).startswith(b"HTTP/1.1 200")
    wait_until(lambda: not answers_at(server.port))


def answers_at(port: int) -> bool:
    """Whether anybody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_until(done, seconds: float = 90) -> None:
    """Return once `done()` is true."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
