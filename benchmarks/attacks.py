"""Hostile clients against the running platform, as a Markdown table.

    make build && python -m benchmarks.attacks

Sends files that unpack to gigabytes, framings without end, bodies that stop half way and clients
that do not read, from 200 addresses of this machine. Prints for each how long another client waits
meanwhile, and by how much the workers grow. Exit status 1 when an answer was a server error (503
with Retry-After is none: the service says when it is busy), a worker was replaced, the workers grew
by 100 MB or another client waited for 15 seconds.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.harness import load
from unit_tests.helpers import hostile
from vehicle_price.schema import EXAMPLE
from vehicle_price.settings import Settings

MAX_GROWTH_MB, MAX_WAIT_SECONDS, MAX_P99_RATIO = 100, 15, 2
STALLED, SLOW_CLIENTS, SOURCES = 2_100, 400, 200
FILES_AT_ONCE = 20
PACE, PACED_SECONDS = 200, 5  # requests a second of the client whose p99 is measured
MEMORY = "vehicle_price_worker_resident_memory_bytes"


class Row(NamedTuple):
    """What one attack did. statuses: of its answers; "" for none."""

    name: str
    statuses: str
    longest_wait: float
    growth_mb: float
    error: str


class Platform:
    """The running service, seen from outside."""

    def __init__(self, url: str) -> None:
        self.url, self.port = url, urlsplit(url).port or 80
        self.workers = self.memory().keys()

    def memory(self) -> dict[str, float]:
        """Worker process id → MB."""
        text = requests.get(f"{self.url}/metrics", timeout=MAX_WAIT_SECONDS).text
        families = text_string_to_metric_families(text)
        samples = [s for family in families for s in family.samples if s.name == MEMORY]
        return {sample.labels["pid"]: sample.value / 1e6 for sample in samples}

    def price(self) -> int:
        """The status of an ordinary request on a new connection."""
        return requests.post(f"{self.url}/predict", json=EXAMPLE, timeout=60).status_code

    def send(self, file: hostile.HostileFile) -> str:
        """The status of the answer to a file, and the kind of problem."""
        headers = {"Content-Type": file.media}
        headers |= {"Content-Encoding": "gzip"} if file.is_gzip else {}
        answer = requests.post(
            f"{self.url}/predict/batch", file.content, headers=headers, timeout=120
        )
        is_busy = answer.status_code == 503 and "Retry-After" in answer.headers
        return "busy" if is_busy else str(answer.status_code)


def main() -> int:
    """Run all attacks and print them; 1 when one did harm."""
    platform = Platform(Settings.from_environment().service_url)
    print("| attack | answers | longest wait of another client | growth | |")
    print("|---|---|--:|--:|---|", flush=True)
    failed = False
    for row in attacks(platform):
        failed |= bool(row.error)
        wait, growth = f"{row.longest_wait:.2f} s", f"{row.growth_mb:.0f} MB"
        print(
            f"| {row.name} | {row.statuses} | {wait} | {growth} | {row.error or 'ok'} |", flush=True
        )
    return int(failed)


def attacks(platform: Platform) -> Iterator[Row]:
    """Each attack, once."""
    for file in hostile.files():
        yield observed(platform, file.name, lambda file=file: [platform.send(file)])
    batch = hostile.HostileFile("", hostile.CSV, hostile.HEAD + b"2014,kia,1,rio\n" * 300_000)
    yield observed(platform, f"{FILES_AT_ONCE} files at once", lambda: all_at_once(platform, batch))
    for name, (start, block) in hostile.ENDLESS.items():
        yield observed(
            platform, f"{name} of 16 MB", lambda s=start, b=block: [endless(platform, s, b)]
        )
    body = json.dumps(EXAMPLE).encode()
    half = load.request("/predict", body)[:-5]
    yield observed(
        platform, f"{STALLED:,} bodies that stop half way", lambda: stall(platform, half)
    )
    unread = load.request("/docs") * 20
    yield observed(
        platform, f"{STALLED:,} clients that do not read", lambda: stall(platform, unread)
    )
    yield slow_clients(platform, half)


def observed(platform: Platform, name: str, attack: Callable[[], list[str]]) -> Row:
    """Attack, while another client asks for prices; then compare the workers."""
    before, statuses, waits = platform.memory(), [], []
    thread = Thread(target=lambda: statuses.extend(attack()))
    thread.start()
    errors = set()
    while thread.is_alive():
        started = time.perf_counter()
        status = platform.price()
        waits.append(time.perf_counter() - started)
        errors |= {f"an ordinary request got {status}"} if status != 200 else set()
        time.sleep(0.05)  # the other client asks 20 times a second
    after = platform.memory()
    growth = max((after.get(pid, 0) - size for pid, size in before.items()), default=0.0)
    if after.keys() != platform.workers:
        errors.add("a worker was replaced")
    errors |= {f"answered {status}" for status in statuses if status.startswith("5")}
    if growth > MAX_GROWTH_MB:
        errors.add(f"grew by more than {MAX_GROWTH_MB} MB")
    if max(waits, default=0) > MAX_WAIT_SECONDS:
        errors.add(f"waited for more than {MAX_WAIT_SECONDS} s")
    shown = ", ".join(sorted(f"{statuses.count(s)} × {s}" for s in set(statuses)))
    return Row(name, shown, max(waits, default=0.0), growth, "; ".join(sorted(errors)))


def all_at_once(platform: Platform, file: hostile.HostileFile) -> list[str]:
    """Send a file many times at once."""
    statuses: list[str] = []
    threads = [
        Thread(target=lambda: statuses.append(platform.send(file))) for _ in range(FILES_AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def endless(platform: Platform, start: bytes, block: bytes) -> str:
    """Send a line without end, up to 16 MB; the status of the answer."""
    (source,) = hostile.addresses(1)
    with hostile.stalled(platform.port, start, 1, [source]) as (connection,):
        with suppress(ConnectionError):
            for _ in range(16 * hostile.MEGABYTE // len(block)):
                connection.sendall(block)
        with suppress(ConnectionError):
            return connection.recv(64).split()[1].decode()
    return "closed"


def stall(platform: Platform, content: bytes) -> list[str]:
    """Keep connections from many addresses stalled for longer than the service lets them."""
    with hostile.stalled(platform.port, content, STALLED, hostile.addresses(SOURCES)):
        time.sleep(30)  # twice as long as the service waits for a slow client
    return []


def slow_clients(platform: Platform, half: bytes) -> Row:
    """The p99 of an ordinary client beside slow ones, and without them."""
    requests_ = [load.request("/predict", json.dumps(EXAMPLE).encode())]

    def p99() -> float:
        answers = load.run_paced(platform.port, requests_, PACE, PACED_SECONDS)
        return answers.percentile(99)

    p99()
    before, without = platform.memory(), p99()
    with hostile.stalled(platform.port, half, SLOW_CLIENTS, hostile.addresses(SOURCES)):
        beside = p99()
    growth = max(size - before.get(pid, 0) for pid, size in platform.memory().items())
    error = "" if beside <= MAX_P99_RATIO * without else f"more than {MAX_P99_RATIO} times"
    name = f"p99 at {PACE}/s beside {SLOW_CLIENTS} slow clients, without: {without:.1f} ms"
    return Row(name, f"{beside:.1f} ms, {beside / without:.2f} times", beside / 1000, growth, error)


if __name__ == "__main__":
    sys.exit(main())
