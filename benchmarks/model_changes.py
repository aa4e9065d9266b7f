"""How many seconds a change of the model takes, as Markdown tables.

    python -m benchmarks.model_changes

Real MLflow, real model-sync, real Gunicorn with two workers, and clients that send requests without
a pause. Ten changes to good versions: seconds from the alias until all workers answer with it. Then
each bad version: seconds from the alias until /model gives the reason and /metrics counts it. Exit
status 1 when a request failed, a bad version answered, or a reason took longer than 10 seconds.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from integration_tests.helpers.waiting import wait_until
from integration_tests.model_changes.bad_versions import Refusal, refuse_all
from integration_tests.model_changes.harness import (
    ModelChangeHarness,
    PredictionLoad,
    model_change_harness,
)

LIMIT_SECONDS = 10


def main() -> int:
    """Run both parts and print them."""
    with tempfile.TemporaryDirectory() as folder, model_change_harness(Path(folder)) as harness:
        with PredictionLoad(harness).running(singles=1) as good:
            changes = [seconds_to_serve(harness, str(2 + number % 2)) for number in range(10)]
        median, longest = statistics.median(changes), max(changes)
        print(
            f"{len(changes)} changes: median {median:.1f} s, longest {longest:.1f} s\n", flush=True
        )
        seconds_to_serve(harness, "1")
        with PredictionLoad(harness).running(singles=1) as bad:
            refusals = print_table(refuse_all(harness))
    failed = good.failed + bad.failed
    print(f"\n{good.answers + bad.answers:,} requests answered, {len(failed)} failed")
    slow = max(max(refusal.model, refusal.metrics) for refusal in refusals) > LIMIT_SECONDS
    return int(slow or bool(failed) or bad.versions != {"1"})


def seconds_to_serve(harness: ModelChangeHarness, version: str) -> float:
    """Promote `version`; seconds until all answers are from it."""
    started = time.monotonic()
    harness.set_alias("production", version)
    wait_until(lambda: harness.serves(version))
    return time.monotonic() - started


def print_table(refusals: Iterator[Refusal]) -> list[Refusal]:
    """Print each refusal when it happens, and a summary; all refusals."""
    print("| bad version | in /model | in /metrics | reason |\n|---|--:|--:|---|")
    printed = []
    for refusal in refusals:
        printed.append(refusal)
        seconds = f"{refusal.model:.1f} s | {refusal.metrics:.1f} s"
        print(f"| {refusal.name} | {seconds} | {refusal.reason[:90]} |", flush=True)
    for name, summary in (("median", statistics.median), ("longest", max)):
        model, metrics = summary([r.model for r in printed]), summary([r.metrics for r in printed])
        print(f"| **{name}** | {model:.1f} s | {metrics:.1f} s | |", flush=True)
    return printed


if __name__ == "__main__":
    sys.exit(main())
