"""Comparisons of the service over HTTP, which `benchmarks.serving` prints."""

import argparse
import http.client
import json
import socket
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from benchmarks.harness import load, servers
from benchmarks.harness.measure import BATCH, LIST, Comparison, Inputs, rows_per_second
from vehicle_price.schema import FEATURES

CONNECTIONS = 8
SLOW_CLIENTS = 400
PACES = (200, 500, 800)  # requests a second
MEDIAN_OF = 7
BATCH_PATH, FASTAPI = "/predict/batch", "empty FastAPI route"


class Round(NamedTuple):
    """The answers of one server under load, and its processor time."""

    answers: load.Answers
    cpu_seconds: float


def against_empty(
    service: servers.Server,
    routes: Mapping[str, servers.Server],
    inputs: Inputs,
    options: argparse.Namespace,
) -> Iterator[Comparison]:
    """/predict with one listing, compared with routes that do nothing with the same requests.

    routes: by the class of their workers; the faster one in Flask is the floor of Flask.
    """
    requests = [load.request("/predict", json.dumps(car).encode()) for car in inputs.listings]
    forwarded = partial(servers.wait_until_forwarded, service.port)
    forwarded()  # the records of the files
    measured, *floors = alternately(
        [
            loaded(service, requests, options, then=forwarded),
            *(loaded(server, requests, options) for server in routes.values()),
        ],
        options.rounds,
    )
    of_class = dict(zip(routes, floors, strict=True))
    fastapi = of_class.pop(servers.UVICORN)
    flask = max(of_class, key=lambda name: rate(of_class[name]))
    yield _rate(measured, f"empty Flask route, {flask}", of_class[flask], "≥ 1.5")
    yield _rate(measured, FASTAPI, fastapi, "≥ 0.65")
    yield _processor_time(measured, FASTAPI, fastapi)
    yield _p99("its p99, saturated", measured, fastapi, "≤ 4")
    compared = (service, routes[servers.UVICORN])
    for per_second in PACES:
        at_pace = alternately(
            [paced(server, requests, per_second, options) for server in compared], options.rounds
        )
        yield _p99(f"its p99 at {per_second} requests/s", *at_pace, "≤ 2")


def _rate(measured: list[Round], name: str, floor: list[Round], target: str) -> Comparison:
    figures = f"{rate(measured):,.0f}/s", f"{name} {rate(floor):,.0f}/s"
    return Comparison("/predict, one listing", *figures, rate(measured) / rate(floor), target)


def _processor_time(measured: list[Round], name: str, floor: list[Round]) -> Comparison:
    figures = f"{cpu(measured):,.0f} µs", f"{name} {cpu(floor):,.0f} µs"
    return Comparison("its processor time", *figures, cpu(measured) / cpu(floor), "–")


def _p99(name: str, measured: list[Round], floor: list[Round], target: str) -> Comparison:
    figures = f"{p99(measured):.1f} ms", f"{FASTAPI} {p99(floor):.1f} ms"
    return Comparison(name, *figures, p99(measured) / p99(floor), target)


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


def many_rows(
    service: servers.Server, bare: Callable[[], object], inputs: Inputs
) -> Iterator[Comparison]:
    """A list and files over HTTP, one at a time, interleaved with the bare booster on one thread.

    bare: scores LIST listings that are encoded already.
    """
    body = json.dumps(inputs.listings[:LIST]).encode()
    send = partial(post, service.port)
    listed = partial(send, "/predict", body, "application/json")
    yield _rows(f"/predict, list of {LIST:,}", listed, LIST, bare, 0.9)
    of_csv = partial(send, BATCH_PATH, inputs.csv, "text/csv")
    yield _rows(f"/predict/batch, CSV of {BATCH:,}", of_csv, BATCH, bare, 0.9)
    of_parquet = partial(send, BATCH_PATH, inputs.parquet, "application/vnd.apache.parquet")
    yield _rows(f"/predict/batch, Parquet of {BATCH:,}", of_parquet, BATCH, bare, 1.2)


def _rows(
    name: str, request: Callable[[], object], rows: int, bare: Callable[[], object], target: float
) -> Comparison:
    pairs = [
        (rows_per_second(bare, LIST, 5), rows_per_second(request, rows, 3))
        for _ in range(MEDIAN_OF)
    ]
    floor, measured = (statistics.median(column) for column in zip(*pairs, strict=True))
    figures = f"{measured:,.0f} rows/s", f"bare booster {floor:,.0f} rows/s"
    return Comparison(name, *figures, measured / floor, f"≥ {target}")


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
        [
            loaded(service, requests, options),
            loaded(mlflow, mlflow_requests(inputs.listings[:500]), options),
        ],
        options.rounds,
    )
    return [
        _rate(measured, mlflow_name, floor, target),
        _processor_time(measured, mlflow_name, floor),
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
    server: servers.Server,
    requests: list[bytes],
    options: argparse.Namespace,
    then: Callable[[], object] = lambda: None,
) -> Callable[[], Round]:
    """A function that puts a server under load for one round.

    then: called after it. The service's forwarder works on for some time, and must not slow down
    the server that is measured next.
    """

    def measure() -> Round:
        before = server.cpu_seconds()
        answers = load.run(server.port, requests, CONNECTIONS, options.seconds)
        if answers.failed:
            raise RuntimeError(f"not all were answered: {dict(answers.statuses)}")
        result = Round(answers, server.cpu_seconds() - before)
        then()
        return result

    return measure


def paced(
    server: servers.Server, requests: list[bytes], per_second: int, options: argparse.Namespace
) -> Callable[[], Round]:
    """A function that sends so many requests a second for one round."""

    def measure() -> Round:
        before = server.cpu_seconds()
        answers = load.run_paced(server.port, requests, per_second, options.seconds)
        if answers.failed:
            raise RuntimeError(f"not all were answered: {dict(answers.statuses)}")
        return Round(answers, server.cpu_seconds() - before)

    return measure


def alternately(measures: Sequence[Callable[[], Round]], rounds: int) -> list[list[Round]]:
    """The rounds of each, run alternately after a warm-up round of each."""
    passes = [[measure() for measure in measures] for _ in range(rounds + 1)][1:]
    return [list(of_one) for of_one in zip(*passes, strict=True)]


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
