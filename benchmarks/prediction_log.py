"""What the prediction log withstands and costs, as a Markdown table.

    python -m benchmarks.prediction_log

50,000 predictions from two workers; 20 times `kill -9` of a worker, Gunicorn's master, the
forwarder or PostgreSQL in turn; PostgreSQL refuses for 60 seconds and then swallows everything for
another 60. Each prediction that was answered must be in the table once. Takes about four minutes.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from integration_tests.prediction_log.proof import Found, Plan, prove
from integration_tests.prediction_log.rig import rig_with
from service.outbox.outbox import Outbox
from service.outbox.records import Record
from unit_tests.helpers import tiny
from vehicle_price.prediction_log.ids import new_id

FULL = Plan(predictions=50_000, kills=20, away_seconds=60, clients=8, per_second=300)
ONE, THOUSAND = b"x" * 600, b"x" * 175_000  # a record of one listing, and of a thousand


def main() -> int:
    """Run both parts and print them; 1 when a prediction is missing or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in asdict(FULL).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    plan = Plan(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory() as folder:
        costs = [
            ("append, a request with 1 listing", append(Path(folder), ONE, 20_000)),
            ("append, a request with 1,000 listings", append(Path(folder), THOUSAND, 500)),
        ]
    with rig_with(tiny.valuation("xgboost")) as rig:
        found = prove(rig, plan)
    print(table(plan, found, costs))
    return int(bool(found.missing or found.doubled or found.keys_doubled))


def append(folder: Path, body: bytes, times: int) -> list[float]:
    """Seconds of each commit, in rising order."""
    outbox = Outbox(folder / "outbox.sqlite", 2**30)
    outbox.fill()  # opens it
    return sorted(
        timed(lambda: outbox.append(Record(new_id(), "prediction", body))) for _ in range(times)
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds that `call` takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def table(plan: Plan, found: Found, costs: list[tuple[str, list[float]]]) -> str:
    """The figures as Markdown."""
    rows = [
        ("predictions answered", f"{found.answered:,}"),
        ("answered and not in the table", f"{found.missing}"),
        ("in the table twice", f"{found.doubled}"),
        ("repeated with an Idempotency-Key; keys with two rows", _pair(found)),
        ("kill -9 of workers, forwarder, PostgreSQL, master", f"{found.kills}"),
        ("database refusing, then silent", f"{plan.away_seconds:g} s each"),
        ("most requests in the outbox", f"{found.most_waiting:,}"),
        ("outbox caught up after the database's return", f"{found.caught_up_seconds:.1f} s"),
        ("outbox drained after the last answer", f"{found.drained_seconds:.1f} s"),
        ("connections broken by kills", f"{found.broken}"),
        ("answers other than 200", f"{found.refused}"),
        ("p99 in peace, with faults", f"{found.p99_quiet:.4f} s, {found.p99_faults:.4f} s"),
        *((name, _microseconds(seconds)) for name, seconds in costs),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _pair(found: Found) -> str:
    return f"{found.repeated:,}; {found.keys_doubled}"


def _microseconds(seconds: list[float]) -> str:
    middle, late = seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100]
    return f"median {middle * 1e6:.0f} µs, p99 {late * 1e6:.0f} µs"


if __name__ == "__main__":
    sys.exit(main())
