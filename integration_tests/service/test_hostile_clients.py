"""What one hostile client sends takes neither memory nor turns from the others."""

import gzip
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from benchmarks.harness import load
from integration_tests.helpers.service import HONDA, worker_pids
from integration_tests.helpers.waiting import wait_until
from unit_tests.helpers import hostile

MAX_GROWTH_KB = 100_000
STALLED, SOURCES = 2_100, 200
REQUEST = load.request("/predict", json.dumps(HONDA).encode())


def url_of(server, path):
    """An address of the service."""
    return f"http://127.0.0.1:{server.port}{path}"


def price(server):
    """The status of an ordinary request on a new connection."""
    return requests.post(url_of(server, "/predict"), json=HONDA, timeout=60).status_code


def send(server, file):
    """The answer to a file."""
    headers = {"Content-Type": file.media} | ({"Content-Encoding": "gzip"} if file.is_gzip else {})
    return requests.post(
        url_of(server, "/predict/batch"), file.content, headers=headers, timeout=120
    )


def resident_kb(pid):
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_no_file_makes_a_worker_grow_or_fail(server):
    table = hostile.HostileFile("", hostile.PARQUET, hostile.references(1, 10))
    while not all(
        "pyarrow" in Path(f"/proc/{p}/maps").read_text("utf-8") for p in worker_pids(server.pid)
    ):
        send(server, table)  # a worker's first file loads pyarrow, which stays
    before = {pid: resident_kb(pid) for pid in worker_pids(server.pid)}
    for file in hostile.files():
        for _ in range(4):  # so that each worker receives some
            answer = send(server, file)
            assert answer.status_code in (200, 413, 422), (file.name, answer.text[:200])
    after = {pid: resident_kb(pid) for pid in worker_pids(server.pid)}
    assert after.keys() == before.keys()
    growth = {pid: after[pid] - size for pid, size in before.items()}
    assert max(growth.values()) < MAX_GROWTH_KB, growth


def test_a_file_that_unpacks_to_much_stops_no_other_client(server):
    rows = b"2014,honda,88000,civic\n" * 300_000
    file = hostile.HostileFile("", hostile.CSV, gzip.compress(hostile.HEAD + rows, 1), True)
    with ThreadPoolExecutor(1) as thread:
        answer, others = thread.submit(send, server, file), 0
        while not answer.done():
            assert price(server) == 200
            others += 1
        assert answer.result().status_code == 200
    assert others > 10


def test_of_many_files_at_once_some_are_priced_and_the_others_may_come_again(server):
    rows = b"2014,honda,88000,civic\n" * 50_000
    file = hostile.HostileFile("", hostile.CSV, hostile.HEAD + rows)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: send(server, file), range(20)))
    busy = [answer for answer in answers if answer.status_code == 503]
    assert busy and all(answer.headers["Retry-After"] for answer in busy)
    assert {answer.status_code for answer in answers} == {200, 503}
    assert send(server, file).status_code == 200 and price(server) == 200


def test_2100_stalled_clients_keep_no_other_waiting_and_are_sent_away(server):
    before, sources = worker_pids(server.pid), hostile.addresses(SOURCES)
    with hostile.stalled(server.port, REQUEST[:-5], STALLED, sources) as connections:
        assert [price(server) for _ in range(5)] == [200] * 5
        wait_until(lambda: all(is_ended(connection) for connection in connections), 60)
    assert price(server) == 200 and worker_pids(server.pid) == before


def test_clients_that_do_not_read_are_sent_away(server):
    before, sources = worker_pids(server.pid), hostile.addresses(SOURCES)
    with hostile.stalled(server.port, load.request("/docs") * 30, 400, sources):
        wait_until(lambda: price(server) == 200, 60)
    assert price(server) == 200 and worker_pids(server.pid) == before


@pytest.mark.parametrize("case", hostile.ENDLESS.values(), ids=hostile.ENDLESS)
def test_a_line_without_end_is_refused_early(server, case):
    start, block = case
    sent = len(start)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(start)
        connection.settimeout(0.05)
        status = b""
        while not status and sent < 16 * hostile.MEGABYTE:
            with suppress(ConnectionError):
                connection.sendall(block[:8_192])
            sent += 8_192
            with suppress(TimeoutError, ConnectionError):
                status = connection.recv(64)
    assert status.startswith(b"HTTP/1.1 4") and sent < hostile.MEGABYTE


def is_ended(connection):
    """Whether the server has closed a connection; what it sent before is read."""
    connection.setblocking(False)
    try:
        while block := connection.recv(4_096):
            assert block.startswith(b"HTTP/1.1 408") or b"slow" in block
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
