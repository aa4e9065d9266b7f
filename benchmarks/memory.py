"""Whether the service's workers grow, as a Markdown table.

    python -m benchmarks.memory [ARTIFACT] [--requests 200000] [--reloads 50] [--hups 10]

ARTIFACT is the folder of a saved model (default: the one that serves now, in MODEL_DIR). Two
workers answer single listings, lists, wrong requests and repeated ones, and /metrics, while
current.json is replaced again and again, each time by another copy of the model. Warm-up is the
first tenth: by then the caches are full. Memory goes up and down with each reload, so the median
of the last five looks is compared with that of the first five: more than RATIO times it and MORE_MB
is a leak, and the exit status 1. Then the workers themselves are replaced
(HUP), and the same rule holds for the service as a whole, from the first replacement on.
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
from benchmarks.harness.measure import as_listings, sample_cars, serving_now
from service.json_files import read_json, write_json
from vehicle_price.prediction_log.ids import new_id

WORKERS, CONNECTIONS = 2, 8
RATIO, MORE_MB = 1.05, 3
SAMPLES, LOOKS = 20, 5
LIST = 50
WRONG = (b'{"year": 2014', b'{"year": "old"}', b'{"year": 2014, "wheels": 3}', b"[]")


def main() -> int:
    """Ask, reload, sample and print; 1 when something grew."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with servers.service(work, options.artifact or serving_now(), WORKERS) as server:
            shutil.copytree(work / "model/versions/1", work / "model/versions/2")
            found = Run(server, work, options)
            found.ask()
            found.hup()
    print(found.table())
    return int(found.grew())


class Run:
    """One run against a server.

    samples: process id → its own memory in MB, evenly from the end of the warm-up on. whole: the
    service's memory after each HUP.
    """

    def __init__(self, server: servers.Server, work: Path, options: argparse.Namespace) -> None:
        self.server, self.work, self.options = server, work, options
        self.listings = as_listings(sample_cars(4_000))
        self.samples: dict[int, list[float]] = {pid: [] for pid in workers(server)}
        self.whole: list[float] = []
        self.statuses: Counter = Counter()
        self.reloads = 0

    def ask(self) -> None:
        """All requests with all reloads; memory is looked at after the warm-up, then evenly."""
        total = self.options.requests
        for number in range(SAMPLES + 1):
            self._ask_until(total * (0.1 + 0.9 * number / SAMPLES))
            for pid, seen in self.samples.items():
                seen.append(own_mb(pid))
            print(f"{self.asked:,} requests, {self.reloads} reloads:", *self._last(), flush=True)

    def hup(self) -> None:
        """Replace the workers again and again, with some requests in between."""
        for _ in range(self.options.hups):
            old = workers(self.server)
            os.kill(self.server.pid, signal.SIGHUP)
            while len(now := workers(self.server)) != WORKERS or now & old:
                time.sleep(0.2)
            servers.until_ready(self.server.port)
            self._part()
            self.whole.append(self.server.memory_mb())

    @property
    def asked(self) -> int:
        """Requests so far."""
        return sum(self.statuses.values())

    def _ask_until(self, count: float) -> None:
        while self.asked < count:
            self._part()
            if self.reloads < self.options.reloads * min(self.asked / self.options.requests, 1):
                self._reload()

    def _part(self) -> None:
        answers = load.run(self.server.port, mixed(self.listings), CONNECTIONS, 1)
        self.statuses += answers.statuses
        emptied(self.work / "outbox" / "outbox.sqlite")

    def _reload(self) -> None:
        """As model-sync does it. The requests go on meanwhile."""
        self.reloads += 1
        path = self.work / "model" / "current.json"
        version = str(self.reloads % 2 + 1)
        write_json(path, read_json(path) | {"version": version, "folder": f"versions/{version}"})

    def _last(self) -> list[str]:
        return [f"{seen[-1]:.1f} MB" for seen in self.samples.values()]

    def grew(self) -> bool:
        """Whether a worker, or with HUP the service, has more than the rule allows."""
        found = [*self.samples.values(), self.whole]
        return any(last > first * RATIO + MORE_MB for first, last in map(ends, found))

    def table(self) -> str:
        """The figures as Markdown."""
        asked, status = f"{self.asked:,} requests, {self.reloads} reloads", dict(self.statuses)
        rows = [(f"worker {n}", seen) for n, seen in enumerate(self.samples.values(), 1)]
        rows.append((f"the service, {self.options.hups} HUPs", self.whole))
        head = "| | after warm-up | most | at the end | growth | |\n|---|--:|--:|--:|--:|--:|"
        return "\n".join([f"{asked}, statuses {status}", "", head, *map(line, rows)])


def line(row: tuple[str, list[float]]) -> str:
    """One line of the table."""
    what, seen = row
    first, last = ends(seen)
    figures = f"{first:.1f} MB | {max(seen):.1f} MB | {last:.1f} MB"
    grown = last - first
    return f"| {what} | {figures} | {grown:+.1f} MB | {grown / first:+.1%} |"


def ends(seen: list[float]) -> tuple[float, float]:
    """The memory at the beginning and at the end."""
    return median(seen[:LOOKS]), median(seen[-LOOKS:])


def mixed(cars: list[dict[str, object]]) -> list[bytes]:
    """A thousand requests of all kinds. Their keys are new, and some come twice."""
    bodies = [json.dumps(one).encode() for one in cars]
    found = [load.request("/predict", body) for body in bodies[:700]]
    keyed = [
        load.request("/predict", body, headers=f"Idempotency-Key: {new_id()}\r\n")
        for body in bodies[700:800]
    ]
    lists = [json.dumps(cars[n : n + LIST]).encode() for n in range(0, 20 * LIST, LIST)]
    found += keyed * 2 + [load.request("/predict", body) for body in lists]
    found += [load.request("/predict", WRONG[n % len(WRONG)]) for n in range(60)]
    found += [load.request("/nowhere"), load.request("/metrics"), load.request("/model")] * 3
    return sorted(found, key=hash)  # mixed


def emptied(outbox: Path) -> None:
    """What the forwarder does once PostgreSQL has it all."""
    with closing(sqlite3.connect(outbox, timeout=30, isolation_level=None)) as connection:
        connection.execute("DELETE FROM records")


def workers(server: servers.Server) -> set[int]:
    """The process ids of the workers."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return {int(pid) for pid in children.read_text(encoding="ascii").split()}


def own_mb(pid: int) -> float:
    """Memory of a process that it shares with nobody."""
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
