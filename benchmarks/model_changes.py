"""How soon a change of the model shows, as Markdown tables.

    python -m benchmarks.model_changes

Real MLflow, real sidecar, real Gunicorn with two workers, and clients that ask without a pause. Ten
changes to good versions: seconds from the alias until all workers answer with it. Then each bad
version: seconds from the alias until /model gives the reason and /metrics counts it. Exit status
1 when a request failed, a bad version answered, or a reason took longer than 10 seconds.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from integration_tests.model_changes.bad_versions import Refusal, refuse_all
from integration_tests.model_changes.mlflow_server import wait_until
from integration_tests.model_changes.stage import PATIENCE, Load, Stage, staged

WANTED_SECONDS = 10


def main() -> int:
    """Run both parts and print them."""
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        with Load(stage).running(singles=1) as good:
            changes = [changed(stage, str(2 + number % 2)) for number in range(10)]
        middle, most = statistics.median(changes), max(changes)
        print(f"{len(changes)} changes: median {middle:.1f} s, longest {most:.1f} s\n", flush=True)
        changed(stage, "1")
        with Load(stage).running(singles=1) as bad:
            refusals = shown(refuse_all(stage))
    failed = good.failed + bad.failed
    print(f"\n{good.answers + bad.answers:,} requests answered, {len(failed)} failed")
    slow = max(max(one.model, one.metrics) for one in refusals) > WANTED_SECONDS
    return int(slow or bool(failed) or bad.versions != {"1"})


def changed(stage: Stage, version: str) -> float:
    """Seconds until all answers are of `version`."""
    began = time.monotonic()
    stage.put("production", version)
    wait_until(lambda: stage.serves(version), PATIENCE)
    return time.monotonic() - began


def shown(refusals: Iterator[Refusal]) -> list[Refusal]:
    """All of them, printed as they come."""
    print("| bad version | in /model | in /metrics | reason |\n|---|--:|--:|---|")
    found = []
    for one in refusals:
        found.append(one)
        print(
            f"| {one.name} | {one.model:.1f} s | {one.metrics:.1f} s | {one.reason[:90]} |",
            flush=True,
        )
    for name, summary in (("median", statistics.median), ("longest", max)):
        model, metrics = summary([r.model for r in found]), summary([r.metrics for r in found])
        print(f"| **{name}** | {model:.1f} s | {metrics:.1f} s | |", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
