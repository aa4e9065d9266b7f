"""What ingesting a file costs, beside a bare read of it.

    python -m benchmarks.ingest [DATA] [--pairs 5]

Without DATA a file of Kaggle's size is made first: 426,880 rows, 1.4 GB, long quoted descriptions
over many lines. "Bare" reads the columns a listing keeps with pyarrow's streaming CSV reader and
does nothing with them; "whole" does it with `read_csv`, which takes longer and is shown for
comparison. "Ingest" reads, checks and stores. Each runs in a process of its own, in turn, the file
being in the page cache; the ratio is the median over the rounds of ingest to bare. It needs two
idle cores: the processor time tells how much of a wait was for others.
Prints Markdown; exits 1 above the limits.
"""

import argparse
import logging
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROWS = 426_880
LARGEST_RATIO = 1.6
LARGEST_PEAK_MB = 1_000


class Cost(NamedTuple):
    """Of one process: seconds by the clock, seconds of processor, peak memory in MB."""

    seconds: float
    cpu: float
    peak_mb: float


def main() -> int:
    """Measure and print; 1 when a limit is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="a CSV file")
    parser.add_argument("--pairs", type=int, default=5, help="how often (default 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or Path(folder) / "vehicles.csv"
        if not options.data:
            alone(make, str(data))
        alone(bare, str(data))  # into the page cache
        rounds = [_round(str(data), f"{folder}/{n}", bool(n % 2)) for n in range(options.pairs)]
        return _report(data, rounds)


def make(path: str) -> int:
    """Write the file of Kaggle's size."""
    from vehicle_price.sources.sample.source import write_csv

    return write_csv(path, ROWS, descriptions=True)


def bare(path: str) -> Cost:
    """Read the needed columns, piece by piece."""
    from pyarrow import csv

    options = _csv_options()
    started = _now()
    with csv.open_csv(path, **options) as reader:
        rows = sum(batch.num_rows for batch in reader)
    return _cost("bare", rows, started)


def whole(path: str) -> Cost:
    """Read the needed columns into one table."""
    from pyarrow import csv

    options = _csv_options()
    started = _now()
    rows = csv.read_csv(path, **options).num_rows
    return _cost("whole", rows, started)


def ingest(path: str, root: str) -> Cost:
    """Read, check and store."""
    from vehicle_price.pipelines.ingestion import ingest as run
    from vehicle_price.settings import Settings

    settings = Settings(local_dir=root, data_root=f"{root}/data")
    started = _now()
    facts = run(settings, "file", path, 0, 0)
    return _cost("ingest", facts["rows"] + facts["quarantined"], started)


def alone(step: Callable, *arguments: object) -> Any:
    """What `step` returns, run in a new process, so that its peak memory is its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_log_progress) as pool:
        return pool.submit(step, *arguments).result()


def _csv_options() -> dict[str, Any]:
    import pyarrow as pa
    from pyarrow import csv

    from vehicle_price.contract.check import ACCEPTED

    return {
        "parse_options": csv.ParseOptions(newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            include_columns=ACCEPTED,
            column_types={name: pa.string() for name in ACCEPTED},
            strings_can_be_null=True,
        ),
    }


def _round(data: str, root: str, backwards: bool) -> dict[str, Cost]:
    # A new root each time: rows that are known already would be stored more quickly.
    steps = [(bare, data), (ingest, data, root), (whole, data)]
    steps = steps[::-1] if backwards else steps
    return {step[0].__name__: alone(*step) for step in steps}


def _report(data: Path, rounds: list[dict[str, Cost]]) -> int:
    ratio = statistics.median(one["ingest"].seconds / one["bare"].seconds for one in rounds)
    peak = max(one["ingest"].peak_mb for one in rounds)
    lines = [
        f"{data.stat().st_size / 1e9:.2f} GB, {len(rounds)} rounds: medians, highest peak",
        "",
        "| | seconds | of processor | peak memory |",
        "|---|--:|--:|--:|",
    ]
    for name in ("bare", "whole", "ingest"):
        costs = [one[name] for one in rounds]
        seconds, cpu = (statistics.median(column) for column in list(zip(*costs))[:2])
        most = max(cost.peak_mb for cost in costs)
        lines.append(f"| {name} | {seconds:.2f} | {cpu:.2f} | {most:,.0f} MB |")
    lines += ["", f"ingest / bare = {ratio:.2f} (at most {LARGEST_RATIO}), peak {peak:,.0f} MB"]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(ratio > LARGEST_RATIO or peak > LARGEST_PEAK_MB)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _cost(name: str, rows: int, started: tuple[float, float]) -> Cost:
    seconds, cpu = (now - then for now, then in zip(_now(), started))
    logging.info("%s: %d rows in %.2f s", name, rows, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux
    return Cost(seconds, cpu, peak * 1024 / 1e6)


def _log_progress() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")


if __name__ == "__main__":
    sys.exit(main())
