"""What monitoring costs: a window of 100,000 predictions, the service beside it, and idle.

    python -m benchmarks.monitoring_load [ARTIFACT] [--rounds 5] [--rate 100] [--idle-seconds 600]

ARTIFACT is the folder of a saved model (default: the production model, in MODEL_DIR). The service
answers requests at a fixed rate; in each round it does so without, with and without a close of the
window, so that each p99 is compared with those before and after it. The load generator,
PostgreSQL and the forwarder run on the same processors. Then `evidently-service` has nothing to do.
Exit status 1 if a bar is missed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import load, monitoring_runs, servers
from benchmarks.harness.measure import as_listings, production_artifact, sample_cars
from benchmarks.harness.monitoring_runs import Close
from benchmarks.harness.own_process import own_process
from integration_tests.helpers.mlflow_server import mlflow_server, register_version, set_alias
from integration_tests.helpers.ports import free_port

WORKERS = 2
SECONDS, MEGABYTES, P99_RATIO = 20.0, 1_000.0, 1.2  # the bars
SETTLE_SECONDS = 20.0  # of a start, before monitoring counts as idle


class Round(NamedTuple):
    """p99 in milliseconds: before, during and after a close."""

    before: float
    during: float
    after: float
    close: Close

    @property
    def ratio(self) -> float:
        """p99 with the close over the mean of those without."""
        return self.during / statistics.mean((self.before, self.after))


class Idle(NamedTuple):
    """seconds: measured. cpu_seconds, megabytes: of `evidently-service` and its children."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def main() -> int:
    """Measure and print; 1 if a bar is missed."""
    options = _options()
    artifact = options.artifact or production_artifact()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.chmod(0o711)  # as root, PostgreSQL runs as another user
        with servers.prediction_log(work) as environ, own_process() as process:
            url = environ["PREDICTION_DATABASE_URL"]
            _progress("filling the prediction log")
            process.submit(monitoring_runs.learn_reference, url).result()
            process.submit(monitoring_runs.add_busy_day, url, options.predictions).result()
            alone = process.submit(monitoring_runs.close_busy_day, url).result()
            with servers.service(work, artifact, WORKERS, environ) as service:
                rounds = _rounds(service, process, url, options)
            idle = _idle(work, environ, artifact, options.idle_seconds)
    return _report(options, alone, rounds, idle)


def _rounds(
    service: servers.Server, process: Executor, url: str, options: argparse.Namespace
) -> list[Round]:
    cars = as_listings(sample_cars(4_000))
    requests = [load.request("/predict", json.dumps(car).encode()) for car in cars]

    def p99(until: Callable[[], bool] = lambda: True) -> float:
        """While at least so many seconds pass, and until that is true."""
        latencies: list[float] = []
        while not latencies or not until():
            answers = load.run_paced(service.port, requests, options.rate, options.seconds)
            if answers.failed:
                raise RuntimeError(f"requests failed: {dict(answers.statuses)}")
            latencies += answers.latencies
        return load.Answers(latencies=latencies).percentile(99)

    p99()  # warms up
    rounds = []
    for number in range(options.rounds):
        _progress(f"round {number + 1} of {options.rounds}")
        before = p99()
        closing = process.submit(monitoring_runs.close_busy_day, url)
        during = p99(closing.done)
        rounds.append(Round(before, during, p99(), closing.result()))
    return rounds


def _idle(work: Path, environ: dict[str, str], artifact: Path, seconds: float) -> Idle | None:
    """Processor time and memory of monitoring with a real MLflow and nothing to do."""
    if not seconds:
        return None
    folder = work / "mlflow"
    folder.mkdir()
    with mlflow_server(folder, free_port()) as url:
        set_alias(url, "production", register_version(url, artifact))
        own = environ | {"MLFLOW_TRACKING_URI": url, "EVIDENTLY_SNAPSHOTS": "0"}
        with monitoring_runs.idle_monitoring(work, own) as monitoring:
            time.sleep(SETTLE_SECONDS)
            _progress(f"idle for {seconds:.0f} s")
            before, started = monitoring.cpu_seconds(), time.monotonic()
            time.sleep(seconds)  # the time that is measured
            used = monitoring.cpu_seconds() - before
            return Idle(time.monotonic() - started, used, monitoring.memory_mb())


def _report(
    options: argparse.Namespace, alone: Close, rounds: list[Round], idle: Idle | None
) -> int:
    """Print the table, the command's result, to stdout; 1 if a bar is missed."""
    closes = [alone, *(one.close for one in rounds)]
    seconds, cpu = max(c.seconds for c in closes), statistics.median(c.cpu_seconds for c in closes)
    peak = max(close.peak_mb for close in closes)
    ratio = statistics.median(one.ratio for one in rounds)
    without = statistics.median(p99 for one in rounds for p99 in (one.before, one.after))
    during = statistics.median(one.during for one in rounds)
    print("| what | measured | wanted |\n|---|--:|--:|")
    print(
        f"| close a window of {options.predictions:,} predictions | {alone.seconds:.1f} s alone, "
        f"at most {seconds:.1f} s beside the service, {cpu:.1f} s of one processor | "
        f"{SECONDS:.0f} s |"
    )
    print(f"| most memory of the process that closes | {peak:,.0f} MB | {MEGABYTES:,.0f} MB |")
    print(
        f"| p99 of the service at {options.rate:g} requests a second, without and with the close "
        f"| {without:.2f} ms, {during:.2f} ms, ratio {ratio:.2f} "
        f"({min(one.ratio for one in rounds):.2f} to {max(one.ratio for one in rounds):.2f}) | "
        f"below {P99_RATIO} |"
    )
    if idle:
        print(
            f"| idle for {idle.seconds:.0f} s | {idle.cpu_seconds:.1f} s of one processor "
            f"({idle.cpu_seconds / idle.seconds:.2%}), {idle.megabytes:,.0f} MB | |"
        )
    if min(close.judged for close in closes) < options.predictions:
        print("\nNot all predictions were compared with a reference: the figures do not count.")
        return 1
    return int(seconds > SECONDS or peak > MEGABYTES or ratio >= P99_RATIO)


def _progress(text: str) -> None:
    """To stderr, so that the table alone is the output."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring_load")
    parser.add_argument("artifact", nargs="?", type=Path, help="folder of a saved model")
    parser.add_argument("--predictions", type=int, default=100_000, help="of the window")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a measurement of p99")
    parser.add_argument("--idle-seconds", type=float, default=600.0, help="0 leaves it out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
