"""The time and memory of ingesting a file, compared with a bare read of it.

    python -m benchmarks.ingest [DATA] [--pairs 5]

Without DATA a file of Kaggle's size is written first: 426,880 rows, 1.4 GB, with long quoted
descriptions over many lines. "Bare" reads the columns that a listing keeps with pyarrow's streaming
CSV reader and discards them; "whole" reads them with `read_csv`, which is slower, for comparison.
"Ingest" reads, checks and stores. Each runs in a process of its own, one after the other, with the
file in the page cache. The ratio is the median over the rounds of ingest to bare. Two cores must be
idle: the difference between seconds and processor time shows how long a step waited.
Prints Markdown; exits with 1 above the limits.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.own_process import in_own_process, peak_mb

ROWS = 426_880
LARGEST_RATIO = 1.6
LARGEST_PEAK_MB = 1_000


class Cost(NamedTuple):
    """Of one process: elapsed seconds, processor seconds, peak memory in MB."""

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
            in_own_process(write_data, str(data))
        in_own_process(bare, str(data))  # reads the file into the page cache
        rounds = [_round(str(data), f"{folder}/{n}", bool(n % 2)) for n in range(options.pairs)]
        return _report(data, rounds)


def write_data(path: str) -> int:
    """Write a file of Kaggle's size; its rows."""
    from vehicle_price.sources.sample.source import write_csv

    return write_csv(path, ROWS, descriptions=True)


def bare(path: str) -> Cost:
    """Read the needed columns, batch by batch."""
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
    """Read, check and store the listings."""
    # The store imports it when it is first used. Imports count for neither figure: `bare` has
    # imported pyarrow before its clock starts, too.
    import deltalake  # pylint: disable=unused-import

    from vehicle_price.pipelines.ingestion import ingest as run
    from vehicle_price.settings import Settings

    settings = Settings(local_dir=root, data_root=f"{root}/data")
    started = _now()
    facts = run(settings, "file", path, 0, 0)
    return _cost("ingest", facts["rows"] + facts["quarantined"], started)


def _csv_options() -> dict[str, Any]:
    import pyarrow as pa
    from pyarrow import csv

    from vehicle_price.contract.check import STORED_COLUMNS

    return {
        "parse_options": csv.ParseOptions(newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            include_columns=STORED_COLUMNS,
            column_types={name: pa.string() for name in STORED_COLUMNS},
            strings_can_be_null=True,
        ),
    }


def _round(data: str, root: str, backwards: bool) -> dict[str, Cost]:
    # A new root each time, because rows that the store has already are ingested faster.
    steps = [(bare, data), (ingest, data, root), (whole, data)]
    steps = steps[::-1] if backwards else steps
    return {step[0].__name__: in_own_process(*step) for step in steps}


def _report(data: Path, rounds: list[dict[str, Cost]]) -> int:
    ratio = statistics.median(costs["ingest"].seconds / costs["bare"].seconds for costs in rounds)
    peak = max(costs["ingest"].peak_mb for costs in rounds)
    lines = [
        f"{data.stat().st_size / 1e9:.2f} GB, {len(rounds)} rounds: medians, highest peak",
        "",
        "| | seconds | of processor | peak memory |",
        "|---|--:|--:|--:|",
    ]
    for name in ("bare", "whole", "ingest"):
        costs = [by_step[name] for by_step in rounds]
        seconds, cpu = (statistics.median(column) for column in list(zip(*costs))[:2])
        highest = max(cost.peak_mb for cost in costs)
        lines.append(f"| {name} | {seconds:.2f} | {cpu:.2f} | {highest:,.0f} MB |")
    lines += ["", f"ingest / bare = {ratio:.2f} (at most {LARGEST_RATIO}), peak {peak:,.0f} MB"]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(ratio > LARGEST_RATIO or peak > LARGEST_PEAK_MB)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _cost(name: str, rows: int, started: tuple[float, float]) -> Cost:
    seconds, cpu = (now - then for now, then in zip(_now(), started))
    logging.info("%s: %d rows in %.2f s", name, rows, seconds)
    return Cost(seconds, cpu, peak_mb())


if __name__ == "__main__":
    sys.exit(main())
