"""How often the contract stops a quiet feed, and how surely it finds a fault: on real listings.

python -m benchmarks.feed_contract [DATA] [--trials N]

DATA: CSV, zip, gzip or Parquet file; by default the real listings of REAL_DATA_DIR or
../shared/data. Prints Markdown; exits with 1 if a bar is missed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.feed_contract.faults import FAULTS
from benchmarks.feed_contract.feeds import listings
from benchmarks.feed_contract.rates import Found, Quiet, found_rates, quiet_rates
from vehicle_price.settings import Settings

QUIET_SIZES = (50, 200, 500, 1_000, 10_000)
FOUND_SIZES = (50, 500, 1_000, 10_000)
LEAST_BATCHES = 20  # in a file; larger batches are left out
MOST_STOPPED = 0.01  # of quiet ingests
# Faults that are surely found and named from 1,000 rows on: units and common makes.
SURE, SURE_ROWS, LEAST_NAMED = FAULTS[:5], 1_000, 0.99


def main() -> int:
    """Print the tables; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed_contract", description=__doc__)
    parser.add_argument("data", nargs="?", default=_default_data(), help="file of real listings")
    parser.add_argument("--trials", type=int, default=100, help="of a fault (default 100)")
    options = parser.parse_args()
    raw, settings = listings(options.data), Settings()
    quiet = quiet_rates(raw, _fitting(QUIET_SIZES, len(raw)), settings)
    found = found_rates(raw, _fitting(FOUND_SIZES, len(raw)), options.trials, settings)
    lines = [f"{len(raw):,} listings, MAX_FEED_SHIFT={settings.max_feed_shift:g}", ""]
    sys.stdout.write("\n".join([*lines, *_quiet_table(quiet), "", *_found_table(found)]) + "\n")
    missed = _missed(quiet, found)
    sys.stdout.writelines(f"missed: {sentence}\n" for sentence in missed)
    return int(bool(missed))


def _fitting(sizes: Sequence[int], rows: int) -> list[int]:
    """The sizes of which a file of so many rows has enough batches."""
    return [size for size in sizes if size * LEAST_BATCHES <= rows]


def _quiet_table(rates: Sequence[Quiet]) -> list[str]:
    lines = ["| quiet feed | ingests | stopped | closest to its limit |", "|---|--:|--:|---|"]
    for one in rates:
        share = f"{one.stopped / max(one.judged, 1):.1%}"
        why = f" ({', '.join(one.columns)})" if one.stopped else ""
        closest = f"{one.closest[1]}, {one.closest[0]:.0%} of it"
        lines.append(f"| {one.feed} | {one.judged:,} | {share}{why} | {closest} |")
    return lines


def _found_table(rates: Sequence[Found]) -> list[str]:
    sizes = sorted({one.rows for one in rates})
    by_key = {(one.fault, one.rows): one for one in rates}
    head = " | ".join(f"{rows:,} rows" for rows in sizes)
    lines = [f"| fault: stopped, named | {head} |", "|---|" + "--:|" * len(sizes)]
    for fault in FAULTS:
        cells = [by_key[fault.name, rows] for rows in sizes]
        shown = " | ".join(f"{c.stopped / c.trials:.0%}, {c.named / c.trials:.0%}" for c in cells)
        lines.append(f"| {fault.name} | {shown} |")
    return lines


def _missed(quiet: Sequence[Quiet], found: Sequence[Found]) -> list[str]:
    too_often = [
        f"{one.feed}: {one.stopped} of {one.judged} stopped, at most {MOST_STOPPED:.1%} may be"
        for one in quiet
        if one.stopped > MOST_STOPPED * one.judged
    ]
    sure = {fault.name for fault in SURE}
    return too_often + [
        f"{one.fault}, {one.rows:,} rows: {one.named} of {one.trials} named, at least "
        f"{LEAST_NAMED:.0%} must be"
        for one in found
        if one.fault in sure and one.rows >= SURE_ROWS and one.named < LEAST_NAMED * one.trials
    ]


def _default_data() -> str:
    folder = os.environ.get("REAL_DATA_DIR") or "../shared/data"
    return str(Path(folder) / "craigslist-carstrucks-data.zip")


if __name__ == "__main__":
    sys.exit(main())
