"""What the service is compared with over HTTP. `serving.py` prints it."""

import argparse
import http.client
import json
import socket
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.harness import load, servers
from benchmarks.harness.measure import BATCH, LIST, Input, Line, rows_per_second
from vehicle_price.schema import FEATURES

CONNECTIONS = 8
SLOW = 400


class Round(NamedTuple):
    """One server under load once: what it answered, and the processor time it took."""

    answers: load.Answers
    cpu_seconds: float


def against_empty(
    ours: servers.Server, empty: servers.Server, asked: Input, options: argparse.Namespace
) -> list[Line]:
    """/predict with one listing beside an empty route that is sent the same."""
    requests = [load.request("/predict", json.dumps(one).encode()) for one in asked.listings]
    found, floor = in_turns(
        loaded(ours, requests, options), loaded(empty, requests, options), options.rounds
    )
    return [
        Line(
            "/predict, one listing",
            f"{rate(found):,.0f}/s",
            f"empty route {rate(floor):,.0f}/s",
            rate(found) / rate(floor),
            "≥ 0.5",
        ),
        Line(
            "its p99",
            f"{p99(found):.1f} ms",
            f"{p99(floor):.1f} ms",
            p99(found) / p99(floor),
            "≤ 3",
        ),
        Line(
            "its processor time",
            f"{cpu(found):,.0f} µs",
            f"{cpu(floor):,.0f} µs",
            cpu(found) / cpu(floor),
            "–",
        ),
    ]


def slow_clients(ours: servers.Server, asked: Input, options: argparse.Namespace) -> Line:
    """Everybody's p99 beside SLOW clients who stop halfway through a request."""
    requests = [load.request("/predict", json.dumps(one).encode()) for one in asked.listings]
    alone = loaded(ours, requests, options)()
    address = ("127.0.0.1", ours.port)
    with ExitStack() as lines:
        for number in range(SLOW):
            line = lines.enter_context(socket.create_connection(address))
            line.sendall(requests[0][: 20 + number % 200])
        beside = loaded(ours, requests, options)()
    found, floor = p99([beside]), p99([alone])
    what = f"p99 beside {SLOW} slow clients"
    return Line(what, f"{found:.1f} ms", f"{floor:.1f} ms", found / floor, "under 100 ms")


def many_rows(ours: servers.Server, bare: float, asked: Input) -> list[Line]:
    """A list and a file over HTTP, one at a time, beside the bare booster on one thread."""
    body = json.dumps(asked.listings[:LIST]).encode()
    listed = rows_per_second(lambda: post(ours.port, "/predict", body, "application/json"), LIST)
    filed = rows_per_second(
        lambda: post(ours.port, "/predict/batch", asked.csv, "text/csv"), BATCH, 10
    )
    floor = f"bare booster {bare:,.0f} rows/s"
    return [
        Line(f"/predict, list of {LIST:,}", f"{listed:,.0f} rows/s", floor, listed / bare, "≥ 0.6"),
        Line(
            f"/predict/batch, CSV of {BATCH:,}",
            f"{filed:,.0f} rows/s",
            floor,
            filed / bare,
            "≥ 0.6",
        ),
    ]


def against_mlflow(
    ours: servers.Server,
    other: servers.Server,
    asked: Input,
    options: argparse.Namespace,
    theirs: str,
    wanted: str,
) -> list[Line]:
    """/predict beside `mlflow models serve`, one listing a request. theirs: how that is called."""
    names = [c.name for c in FEATURES]
    rows = [
        {"columns": names, "data": [[one.get(n) for n in names]]} for one in asked.listings[:500]
    ]
    slow = [load.request("/invocations", json.dumps({"dataframe_split": r}).encode()) for r in rows]
    fast = [load.request("/predict", json.dumps(one).encode()) for one in asked.listings]
    found, floor = in_turns(
        loaded(ours, fast, options), loaded(other, slow, options), options.rounds
    )
    return [
        Line(
            "/predict, one listing",
            f"{rate(found):,.0f}/s",
            f"{theirs} {rate(floor):,.0f}/s",
            rate(found) / rate(floor),
            wanted,
        ),
        Line(
            "its processor time",
            f"{cpu(found):,.0f} µs",
            f"{theirs} {cpu(floor):,.0f} µs",
            cpu(found) / cpu(floor),
            "–",
        ),
        Line(
            "its memory",
            f"{ours.memory_mb():,.0f} MB",
            f"{theirs} {other.memory_mb():,.0f} MB",
            ours.memory_mb() / other.memory_mb(),
            "–",
        ),
    ]


def loaded(
    server: servers.Server, requests: list[bytes], options: argparse.Namespace
) -> Callable[[], Round]:
    """What puts a server under load for a round."""

    def measure() -> Round:
        before = server.cpu_seconds()
        answers = load.run(server.port, requests, CONNECTIONS, options.seconds)
        if answers.failed:
            raise RuntimeError(f"not all were answered: {dict(answers.statuses)}")
        return Round(answers, server.cpu_seconds() - before)

    return measure


def in_turns(
    first: Callable[[], Round], second: Callable[[], Round], rounds: int
) -> tuple[list[Round], list[Round]]:
    """Both, alternately, after a warm-up of each."""
    pairs = [(first(), second()) for _ in range(rounds + 1)][1:]
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def rate(rounds: list[Round]) -> float:
    """Answers a second, median of the rounds."""
    return statistics.median(one.answers.per_second for one in rounds)


def p99(rounds: list[Round]) -> float:
    """Milliseconds, median of the rounds."""
    return statistics.median(one.answers.percentile(99) for one in rounds)


def cpu(rounds: list[Round]) -> float:
    """Microseconds of processor time that an answer cost the server, median of the rounds."""
    return statistics.median(1e6 * one.cpu_seconds / len(one.answers.latencies) for one in rounds)


def post(port: int, path: str, body: bytes, content_type: str) -> bytes:
    """The whole answer, which must be 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body, {"Content-Type": content_type})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {content[:300]!r}")
    return content
