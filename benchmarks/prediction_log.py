"""The faults that the prediction log survives, and its cost per request, as a Markdown table.

    python -m benchmarks.prediction_log

50,000 predictions from two workers; 20 times `kill -9` of a worker, Gunicorn's master, the
forwarder or PostgreSQL in turn; PostgreSQL refuses connections for 60 seconds and then accepts them
without an answer for another 60. Each answered prediction must be in the table exactly once. Takes
about four minutes.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from integration_tests.prediction_log.fault_injection import (
    FaultPlan,
    FaultReport,
    run_with_faults,
)
from integration_tests.prediction_log.harness import prediction_log_harness
from service.outbox.outbox import Outbox
from service.outbox.records import Record
from unit_tests.helpers import tiny
from vehicle_price.prediction_log.ids import new_id

FULL = FaultPlan(predictions=50_000, kills=20, away_seconds=60, clients=8, per_second=300)
SINGLE, THOUSAND = b"x" * 600, b"x" * 175_000  # a record of one listing, and of a thousand


def main() -> int:
    """Run both parts and print them; 1 when a prediction is missing or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in asdict(FULL).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    plan = FaultPlan(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory() as folder:
        costs = [
            ("append, a request with 1 listing", append(Path(folder), SINGLE, 20_000)),
            ("append, a request with 1,000 listings", append(Path(folder), THOUSAND, 500)),
        ]
    with prediction_log_harness(tiny.valuation("xgboost")) as harness:
        report = run_with_faults(harness, plan)
    print(table(plan, report, costs))
    return int(bool(report.missing or report.doubled or report.keys_doubled))


def append(folder: Path, body: bytes, times: int) -> list[float]:
    """Append so many records; seconds of each commit, in rising order."""
    outbox = Outbox(folder / "outbox.sqlite", 2**30)
    outbox.fill()  # opens the database
    return sorted(
        timed(lambda: outbox.append(Record(new_id(), "prediction", body))) for _ in range(times)
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds that `call` takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def table(plan: FaultPlan, report: FaultReport, costs: list[tuple[str, list[float]]]) -> str:
    """The figures as Markdown."""
    rows = [
        ("predictions answered", f"{report.answered:,}"),
        ("answered and not in the table", f"{report.missing}"),
        ("in the table twice", f"{report.doubled}"),
        ("repeated with an Idempotency-Key; keys with two rows", _keys(report)),
        ("kill -9 of workers, forwarder, PostgreSQL, master", f"{report.kills}"),
        ("database refusing, then silent", f"{plan.away_seconds:g} s each"),
        ("most requests in the outbox", f"{report.most_waiting:,}"),
        ("outbox caught up after the database's return", f"{report.caught_up_seconds:.1f} s"),
        ("outbox drained after the last answer", f"{report.drained_seconds:.1f} s"),
        ("connections broken by kills", f"{report.broken}"),
        ("answers other than 200", f"{report.refused}"),
        ("p99 in peace, with faults", f"{report.p99_quiet:.4f} s, {report.p99_faults:.4f} s"),
        *((name, _microseconds(seconds)) for name, seconds in costs),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _keys(report: FaultReport) -> str:
    return f"{report.repeated:,}; {report.keys_doubled}"


def _microseconds(seconds: list[float]) -> str:
    median, p99 = seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100]
    return f"median {median * 1e6:.0f} µs, p99 {p99 * 1e6:.0f} µs"


if __name__ == "__main__":
    sys.exit(main())
