"""Memory of the service's workers over many requests and reloads, as a Markdown table.

    python -m benchmarks.memory [ARTIFACT] [--requests 200000] [--reloads 50] [--hups 10]

ARTIFACT is the folder of a saved model (default: the production model, in MODEL_DIR). Two workers
answer single listings, lists, invalid requests, repeated ones, and /metrics, while current.json is
replaced again and again, each time with another copy of the model. The warm-up is the first tenth
of the requests; after it the caches are full. Memory rises and falls with each reload, so that the
median of the last five measurements is compared with that of the first five: more than RATIO times
as much plus MORE_MB is a leak, and the exit status is 1. Then the workers are replaced (HUP), and
the same rule holds for the service as a whole, from the first replacement on.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks.harness import load, servers
from benchmarks.harness.measure import as_listings, production_artifact, sample_cars
from integration_tests.helpers.service import worker_pids
from service.json_files import read_json, write_json
from vehicle_price.prediction_log.ids import new_id

WORKERS, CONNECTIONS = 2, 8
RATIO, MORE_MB = 1.05, 3
MEASUREMENTS, COMPARED = 20, 5
LIST = 50
INVALID = (b'{"year": 2014', b'{"year": "old"}', b'{"year": 2014, "wheels": 3}', b"[]")


def main() -> int:
    """Send requests, reload, measure and print; 1 when memory grew."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with servers.service(work, options.artifact or production_artifact(), WORKERS) as server:
            shutil.copytree(work / "model/versions/1", work / "model/versions/2")
            run = MemoryRun(server, work, options)
            run.send_all()
            run.replace_workers()
    print(run.table())
    return int(run.grew())


class MemoryRun:
    """Requests, reloads and HUPs on one server, with the memory in MB.

    of_worker: process id → its private memory, measured evenly from the end of the warm-up on.
    of_service: memory of all processes after each HUP.
    """

    def __init__(self, server: servers.Server, work: Path, options: argparse.Namespace) -> None:
        self.server, self.work, self.options = server, work, options
        self.listings = as_listings(sample_cars(4_000))
        self.of_worker: dict[int, list[float]] = {pid: [] for pid in worker_pids(server.pid)}
        self.of_service: list[float] = []
        self.statuses: Counter = Counter()
        self.reloads = 0

    def send_all(self) -> None:
        """Send all requests with all reloads; measure after the warm-up, and then evenly."""
        total = self.options.requests
        for number in range(MEASUREMENTS + 1):
            self._send_until(total * (0.1 + 0.9 * number / MEASUREMENTS))
            for pid, megabytes in self.of_worker.items():
                megabytes.append(private_mb(pid))
            print(f"{self.sent:,} requests, {self.reloads} reloads:", *self._last(), flush=True)

    def replace_workers(self) -> None:
        """Replace the workers again and again, with some requests in between."""
        for _ in range(self.options.hups):
            old = worker_pids(self.server.pid)
            os.kill(self.server.pid, signal.SIGHUP)
            while len(now := worker_pids(self.server.pid)) != WORKERS or now & old:
                time.sleep(0.2)
            servers.wait_until_ready(self.server.port)
            self._send_for_a_second()
            self.of_service.append(self.server.memory_mb())

    @property
    def sent(self) -> int:
        """Answered requests."""
        return sum(self.statuses.values())

    def _send_until(self, count: float) -> None:
        while self.sent < count:
            self._send_for_a_second()
            if self.reloads < self.options.reloads * min(self.sent / self.options.requests, 1):
                self._reload()

    def _send_for_a_second(self) -> None:
        answers = load.run(self.server.port, mixed_requests(self.listings), CONNECTIONS, 1)
        self.statuses += answers.statuses
        empty_outbox(self.work / "outbox" / "outbox.sqlite")

    def _reload(self) -> None:
        """Replace current.json as model-sync does."""
        self.reloads += 1
        path = self.work / "model" / "current.json"
        version = str(self.reloads % 2 + 1)
        write_json(path, read_json(path) | {"version": version, "folder": f"versions/{version}"})

    def _last(self) -> list[str]:
        return [f"{megabytes[-1]:.1f} MB" for megabytes in self.of_worker.values()]

    def grew(self) -> bool:
        """Whether a worker, or with HUP the service, grew by more than the rule allows."""
        series = [*self.of_worker.values(), self.of_service]
        return any(last > first * RATIO + MORE_MB for first, last in map(ends, series))

    def table(self) -> str:
        """The figures as Markdown."""
        totals = f"{self.sent:,} requests, {self.reloads} reloads, statuses {dict(self.statuses)}"
        rows = [(f"worker {n}", series) for n, series in enumerate(self.of_worker.values(), 1)]
        rows.append((f"the service, {self.options.hups} HUPs", self.of_service))
        head = "| | after warm-up | most | at the end | growth | |\n|---|--:|--:|--:|--:|--:|"
        return "\n".join([totals, "", head, *(table_row(*row) for row in rows)])


def table_row(name: str, megabytes: list[float]) -> str:
    """One row of the table."""
    first, last = ends(megabytes)
    figures = f"{first:.1f} MB | {max(megabytes):.1f} MB | {last:.1f} MB"
    growth = last - first
    return f"| {name} | {figures} | {growth:+.1f} MB | {growth / first:+.1%} |"


def ends(megabytes: list[float]) -> tuple[float, float]:
    """The medians of the first and of the last measurements."""
    return median(megabytes[:COMPARED]), median(megabytes[-COMPARED:])


def mixed_requests(cars: list[dict[str, object]]) -> list[bytes]:
    """A thousand requests of all kinds. Their Idempotency-Keys are new, and some are repeated."""
    bodies = [json.dumps(car).encode() for car in cars]
    requests = [load.request("/predict", body) for body in bodies[:700]]
    keyed = [
        load.request("/predict", body, headers=f"Idempotency-Key: {new_id()}\r\n")
        for body in bodies[700:800]
    ]
    lists = [json.dumps(cars[n : n + LIST]).encode() for n in range(0, 20 * LIST, LIST)]
    requests += keyed * 2 + [load.request("/predict", body) for body in lists]
    requests += [load.request("/predict", INVALID[n % len(INVALID)]) for n in range(60)]
    requests += [load.request("/nowhere"), load.request("/metrics"), load.request("/model")] * 3
    return sorted(requests, key=hash)  # in random order


def empty_outbox(outbox: Path) -> None:
    """Delete all records, as the forwarder does once they are in PostgreSQL."""
    with closing(sqlite3.connect(outbox, timeout=30, isolation_level=None)) as connection:
        connection.execute("DELETE FROM records")


def private_mb(pid: int) -> float:
    """Memory of a process that it shares with no other."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(row.split()[1]) for row in rollup if row.startswith("Private_")) / 1000


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("artifact", nargs="?", type=Path, help="folder of a saved model")
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--reloads", type=int, default=50)
    parser.add_argument("--hups", type=int, default=10, help="at least 1")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
