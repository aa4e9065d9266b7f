"""How long the queries of the dashboards take on a million predictions, as a Markdown table.

    python -m benchmarks.dashboards

Fills a PostgreSQL of its own with 60 days of predictions, a tenth of them with feedback; monitoring
closes the windows. Each query then runs over all days, as Grafana's role. Takes several minutes.
"""

import argparse
import logging
import statistics
import sys
import time
from typing import NamedTuple

from benchmarks.harness.million_predictions import fill
from integration_tests.monitoring.made_up_log import FIRST_DAY, running_log
from integration_tests.monitoring.reading import ask, reading
from setup.dashboards.files import Query, is_sql, queries, read
from vehicle_price.prediction_log.database import Connection

RUNS = 3
SHOWN = 12  # of the slowest
GOAL_SECONDS = 1.0


class Timed(NamedTuple):
    """A query's first and its median time, in seconds."""

    query: Query
    rows: int
    first: float
    median: float


def main() -> int:
    """Fill, run and print; 1 when a query is slower than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=60)
    plan = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    started = time.perf_counter()
    with running_log() as (address, connection):
        fill(connection, plan.predictions, plan.days)
        print(f"filled in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        with reading(address, connection) as reader:
            # Annotations and variables are the same on every dashboard.
            different = {query.text: query for query in queries(read()) if is_sql(query)}
            timed = [measured(reader, query) for query in different.values()]
    timed.sort(key=lambda one: -one.median)
    print(table(timed))
    return int(timed[0].median > GOAL_SECONDS)


def measured(reader: Connection, query: Query) -> Timed:
    """Run a query RUNS times."""
    seconds, rows = [], 0
    for _ in range(RUNS):
        started = time.perf_counter()
        rows = len(ask(reader, query, FIRST_DAY, "odometer").rows)
        seconds.append(time.perf_counter() - started)
    return Timed(query, rows, seconds[0], statistics.median(seconds))


def table(timed: list[Timed]) -> str:
    """The slowest queries as Markdown."""
    lines = [
        f"| {one.query.where} | {one.rows:,} | {one.first * 1000:.0f} ms | "
        f"{one.median * 1000:.0f} ms |"
        for one in timed[:SHOWN]
    ]
    head = ["| query | rows | first run | median |", "|---|--:|--:|--:|"]
    slow = sum(one.median > GOAL_SECONDS for one in timed)
    return "\n".join([*head, *lines, f"\n{len(timed)} queries, {slow} slower than a second."])


if __name__ == "__main__":
    sys.exit(main())
