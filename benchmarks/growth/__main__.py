"""How reading, training input and scoring grow with the table, in one process and on Dask.

    python -m benchmarks.growth [--sizes 200000 … 10000000] [--workers 0 1 2] [--folder DIR]

The table grows by a month of the built-in sample at a time, 200,000 accepted listings, so that each
size is a version of one table. A worker is a process of a Dask cluster on this machine (`make
scale` installs Dask); 0 is this process alone, without Dask. Each measurement has processes of
its own, whose starts and imports are not counted. `--folder` keeps table, model and figures: a
later call measures only what is missing, and prints all. `--plot FILE` draws them.
Prints Markdown; exits with 1 when one process needs more memory than `report.BOUNDS` state, or
when two engines have different results. 10 million listings need 2 GB of disk and 17 GB of memory
with two workers; 8 GB with `--workers 0`.
"""

import argparse
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.growth.measure import figures, measure_all
from benchmarks.growth.plot import draw
from benchmarks.growth.report import missed, table
from benchmarks.growth.steps import STEPS
from benchmarks.growth.table import PART_LISTINGS

SIZES = (200_000, 1_000_000, 3_000_000, 10_000_000)
DISK_BYTES = 200  # of a listing: stored, priced, and its car in a file for the workers


def main() -> int:
    """Measure and print; 1 when a bound is broken or results differ."""
    options = _options()
    sizes = sorted({max(1, round(n / PART_LISTINGS)) * PART_LISTINGS for n in options.sizes})
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        _check_disk(folder, sizes[-1])
        measure_all(folder, sizes, options.steps, options.workers)
        measured = figures(folder)
        sys.stdout.write(table(measured) + "\n")
        if options.plot:
            draw(measured, options.plot)
    sentences = missed(measured)
    sys.stdout.writelines(f"missed: {sentence}\n" for sentence in sentences)
    return int(bool(sentences))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="accepted listings")
    parser.add_argument("--workers", type=int, nargs="+", default=(0, 1, 2), help="0: no Dask")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--folder", type=Path, help="kept for later calls; default: temporary")
    parser.add_argument("--plot", type=Path, help="a PNG or SVG file to write")
    options = parser.parse_args()
    if any(options.workers) and importlib.util.find_spec("distributed") is None:
        parser.error("Dask is not installed: run `make scale`, or measure with --workers 0")
    return options


def _check_disk(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size * DISK_BYTES:
        raise SystemExit(
            f"{folder}: {free / 1e9:.1f} GB free, {size:,} listings need "
            f"{size * DISK_BYTES / 1e9:.1f} GB; name another --folder or smaller --sizes"
        )


if __name__ == "__main__":
    sys.exit(main())
