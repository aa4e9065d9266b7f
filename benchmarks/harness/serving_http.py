"""Comparisons of the service over HTTP, which `benchmarks.serving` prints."""

import argparse
import http.client
import json
import socket
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.harness import load, servers
from benchmarks.harness.measure import BATCH, LIST, Comparison, Inputs, rows_per_second
from vehicle_price.schema import FEATURES

CONNECTIONS = 8
SLOW_CLIENTS = 400


class Round(NamedTuple):
    """The answers of one server under load, and its processor time."""

    answers: load.Answers
    cpu_seconds: float


def against_empty(
    service: servers.Server,
    empty_route: servers.Server,
    inputs: Inputs,
    options: argparse.Namespace,
) -> list[Comparison]:
    """/predict with one listing, compared with an empty route that receives the same requests."""
    requests = [load.request("/predict", json.dumps(car).encode()) for car in inputs.listings]
    measured, floor = alternately(
        loaded(service, requests, options), loaded(empty_route, requests, options), options.rounds
    )
    return [
        Comparison(
            "/predict, one listing",
            f"{rate(measured):,.0f}/s",
            f"empty route {rate(floor):,.0f}/s",
            rate(measured) / rate(floor),
            "≥ 0.5",
        ),
        Comparison(
            "its p99",
            f"{p99(measured):.1f} ms",
            f"{p99(floor):.1f} ms",
            p99(measured) / p99(floor),
            "≤ 3",
        ),
        Comparison(
            "its processor time",
            f"{cpu(measured):,.0f} µs",
            f"{cpu(floor):,.0f} µs",
            cpu(measured) / cpu(floor),
            "–",
        ),
    ]


def slow_clients(
    service: servers.Server, inputs: Inputs, options: argparse.Namespace
) -> Comparison:
    """The p99 while SLOW_CLIENTS others stop in the middle of a request, and without them."""
    requests = [load.request("/predict", json.dumps(car).encode()) for car in inputs.listings]
    without = loaded(service, requests, options)()
    address = ("127.0.0.1", service.port)
    with ExitStack() as connections:
        for number in range(SLOW_CLIENTS):
            connection = connections.enter_context(socket.create_connection(address))
            connection.sendall(requests[0][: 20 + number % 200])
        beside = loaded(service, requests, options)()
    measured, floor = p99([beside]), p99([without])
    name = f"p99 beside {SLOW_CLIENTS} slow clients"
    return Comparison(
        name, f"{measured:.1f} ms", f"{floor:.1f} ms", measured / floor, "under 100 ms"
    )


def many_rows(service: servers.Server, bare: float, inputs: Inputs) -> list[Comparison]:
    """A list and a file over HTTP, one at a time, compared with the bare booster on one thread."""
    body = json.dumps(inputs.listings[:LIST]).encode()
    listed = rows_per_second(lambda: post(service.port, "/predict", body, "application/json"), LIST)
    batched = rows_per_second(
        lambda: post(service.port, "/predict/batch", inputs.csv, "text/csv"), BATCH, 10
    )
    floor = f"bare booster {bare:,.0f} rows/s"
    return [
        Comparison(
            f"/predict, list of {LIST:,}", f"{listed:,.0f} rows/s", floor, listed / bare, "≥ 0.6"
        ),
        Comparison(
            f"/predict/batch, CSV of {BATCH:,}",
            f"{batched:,.0f} rows/s",
            floor,
            batched / bare,
            "≥ 0.6",
        ),
    ]


def against_mlflow(
    service: servers.Server,
    mlflow: servers.Server,
    inputs: Inputs,
    options: argparse.Namespace,
    mlflow_name: str,
    target: str,
) -> list[Comparison]:
    """/predict compared with `mlflow models serve`, one listing a request.

    mlflow_name: the name of that server in the table.
    """
    requests = [load.request("/predict", json.dumps(car).encode()) for car in inputs.listings]
    measured, floor = alternately(
        loaded(service, requests, options),
        loaded(mlflow, mlflow_requests(inputs.listings[:500]), options),
        options.rounds,
    )
    return [
        Comparison(
            "/predict, one listing",
            f"{rate(measured):,.0f}/s",
            f"{mlflow_name} {rate(floor):,.0f}/s",
            rate(measured) / rate(floor),
            target,
        ),
        Comparison(
            "its processor time",
            f"{cpu(measured):,.0f} µs",
            f"{mlflow_name} {cpu(floor):,.0f} µs",
            cpu(measured) / cpu(floor),
            "–",
        ),
        Comparison(
            "its memory",
            f"{service.memory_mb():,.0f} MB",
            f"{mlflow_name} {mlflow.memory_mb():,.0f} MB",
            service.memory_mb() / mlflow.memory_mb(),
            "–",
        ),
    ]


def mlflow_requests(listings: list[dict[str, object]]) -> list[bytes]:
    """The listings as requests to `mlflow models serve`."""
    names = [column.name for column in FEATURES]
    frames = [{"columns": names, "data": [[car.get(n) for n in names]]} for car in listings]
    bodies = [json.dumps({"dataframe_split": frame}).encode() for frame in frames]
    return [load.request("/invocations", body) for body in bodies]


def loaded(
    server: servers.Server, requests: list[bytes], options: argparse.Namespace
) -> Callable[[], Round]:
    """A function that puts a server under load for one round."""

    def measure() -> Round:
        before = server.cpu_seconds()
        answers = load.run(server.port, requests, CONNECTIONS, options.seconds)
        if answers.failed:
            raise RuntimeError(f"not all were answered: {dict(answers.statuses)}")
        return Round(answers, server.cpu_seconds() - before)

    return measure


def alternately(
    first: Callable[[], Round], second: Callable[[], Round], rounds: int
) -> tuple[list[Round], list[Round]]:
    """The rounds of both, run alternately after a warm-up round of each."""
    pairs = [(first(), second()) for _ in range(rounds + 1)][1:]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def rate(rounds: list[Round]) -> float:
    """Answers a second, median of the rounds."""
    return statistics.median(r.answers.per_second for r in rounds)


def p99(rounds: list[Round]) -> float:
    """Milliseconds, median of the rounds."""
    return statistics.median(r.answers.percentile(99) for r in rounds)


def cpu(rounds: list[Round]) -> float:
    """Microseconds of the server's processor time per answer, median of the rounds."""
    return statistics.median(1e6 * r.cpu_seconds / len(r.answers.latencies) for r in rounds)


def post(port: int, path: str, body: bytes, content_type: str) -> bytes:
    """The body of the answer. Raises RuntimeError unless its status is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body, {"Content-Type": content_type})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {content[:300]!r}")
    return content
