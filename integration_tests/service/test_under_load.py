"""Slow clients, reloads and a shutdown of the service: no other request fails or waits."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from benchmarks.harness import load, servers
from integration_tests.helpers.service import HONDA, worker_pids
from integration_tests.helpers.waiting import wait_until

REQUEST = load.request("/predict", json.dumps(HONDA).encode())
SLOW_CLIENTS = 400
LOAD_SECONDS = 2


@contextmanager
def stalled_clients(server: servers.Server, beginning: bytes, count: int) -> Iterator[None]:
    """So many connections that sent the beginning of a request, and nothing more."""
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
    try:
        for connection in connections:
            connection.sendall(beginning)
        yield
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(
    "beginning", [b"", REQUEST[:20], REQUEST[:-5]], ids=["nothing", "head", "body"]
)
def test_400_clients_that_stop_halfway_keep_no_other_waiting(server, beginning):
    with stalled_clients(server, beginning, SLOW_CLIENTS):
        answers = load.run(server.port, [REQUEST], 8, LOAD_SECONDS)
    assert answers.failed == 0 and answers.statuses[200]


def test_10_reloads_under_load_fail_no_request(server):
    rounds: list[load.Answers] = []
    stop = threading.Event()

    def send_requests() -> None:
        while not stop.is_set():
            rounds.append(load.run(server.port, [REQUEST], 8, 1))

    client = threading.Thread(target=send_requests)
    client.start()
    try:
        for _ in range(10):
            before = worker_pids(server.pid)
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda old=before: has_new_workers(server, old))
            assert client.is_alive()
    finally:
        stop.set()
        client.join()
    assert [answers.failed for answers in rounds] == [0] * len(rounds)
    assert sum(answers.statuses[200] for answers in rounds)


def test_a_request_under_way_is_answered_before_the_service_ends(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(REQUEST[:-5])
        wait_until(lambda: unread_bytes(connection) == 0)
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: not listens(server.port))
        connection.sendall(REQUEST[-5:])
        assert connection.recv(64).startswith(b"HTTP/1.1 200")


def has_new_workers(server: servers.Server, old: set[int]) -> bool:
    """Whether two workers have replaced the `old` ones."""
    workers = worker_pids(server.pid)
    return len(workers) == 2 and not workers & old


def unread_bytes(connection: socket.socket) -> int:
    """Bytes of this connection that no worker has read, from Linux's table of sockets."""
    ports = connection.getpeername()[1], connection.getsockname()[1]
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, _, queues, *_ = row.split()
        if ports == tuple(int(address.split(":")[1], 16) for address in (local, remote)):
            return int(queues.split(":")[1], 16)
    raise ConnectionError("the server has closed the connection")


def listens(port: int) -> bool:
    """Whether a process accepts connections."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_workers_end_when_their_master_was_killed(server):
    workers = worker_pids(server.pid)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as idle:
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not listens(server.port))
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
        assert idle.recv(1) == b""
