"""How often the contract stops a quiet feed, and how surely it finds and names a fault."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.feed_contract.faults import FAULTS, Fault
from benchmarks.feed_contract.feeds import (
    Report,
    batch_starts,
    day_reports,
    file_reports,
    judged_in_order,
    report_of,
    shuffled,
)
from vehicle_price.contract.thresholds import judged
from vehicle_price.pipelines.contract_reports import EARLIER_REPORTS
from vehicle_price.settings import Settings

ORDERS, SEED = 40, 3
MOST_BATCHES = 1_000


class Quiet(NamedTuple):
    """Of one kind of quiet feed: judged ingests, stopped ones, and the columns that stopped them.

    closest: the largest distance of a column as a share of its limit, and that column.
    """

    feed: str
    judged: int
    stopped: int
    columns: Counter[str]
    closest: tuple[float, str]


class Found(NamedTuple):
    """Of one fault and number of rows: trials, stopped ones, and stopped ones that are named."""

    fault: str
    rows: int
    trials: int
    stopped: int
    named: int


def quiet_rates(raw: pd.DataFrame, sizes: Sequence[int], settings: Settings) -> list[Quiet]:
    """The rates of days, growing files and batches in listing order."""
    by_day = day_reports(raw)
    orders = shuffled(by_day, ORDERS, SEED)
    rates = [
        _quiet("days of a backfill, in order", list(judged_in_order(by_day, settings))),
        _quiet(
            f"days, in {ORDERS} random orders",
            [one for order in orders for one in judged_in_order(order, settings)],
        ),
        _quiet("a file that grows by a day", list(judged_in_order(file_reports(raw), settings))),
    ]
    for rows in sizes:
        starts = batch_starts(raw, rows, MOST_BATCHES)
        reports = [report_of(raw.iloc[start : start + rows]) for start in starts]
        name = f"batches of {rows:,} neighbouring rows"
        rates.append(_quiet(name, list(judged_in_order(reports, settings))))
    return rates


def found_rates(
    raw: pd.DataFrame, sizes: Sequence[int], trials: int, settings: Settings
) -> list[Found]:
    """The rates of each fault in batches of neighbouring rows, after EARLIER_REPORTS quiet ones."""
    return [
        found
        for rows in sizes
        for windows in [_windows(raw, rows, trials)]
        for fault in FAULTS
        for found in [_found(fault, rows, windows, settings)]
    ]


def _quiet(name: str, results: Sequence[Report]) -> Quiet:
    columns: Counter[str] = Counter()
    closest = (0.0, "")
    for result in results:
        columns.update(message.split(" has ")[0].split()[-1] for message in result["broken"])
        for column, facts in result["comparison"]["columns"].items():
            if facts["limit"] < 1:
                closest = max(closest, (facts["distance"] / facts["limit"], column))
    stopped = sum(bool(result["broken"]) for result in results)
    return Quiet(name, len(results), stopped, columns, closest)


class _Window(NamedTuple):
    """Rows that get a fault, and the reports on the batches before them."""

    rows: pd.DataFrame
    usual: list[Report]


def _windows(raw: pd.DataFrame, rows: int, trials: int) -> list[_Window]:
    """Batches at random places, each with EARLIER_REPORTS others that do not overlap it."""
    random = np.random.default_rng(SEED)
    starts = np.arange(0, len(raw) - rows, rows)
    known: dict[int, Report] = {}

    def report_at(start: int) -> Report:
        if start not in known:
            known[start] = report_of(raw.iloc[start : start + rows])
        return known[start]

    windows = []
    for _ in range(trials):
        own, *others = random.choice(starts, min(EARLIER_REPORTS + 1, len(starts)), replace=False)
        usual = [report_at(int(start)) for start in others]
        windows.append(_Window(raw.iloc[own : own + rows], usual))
    return windows


def _found(fault: Fault, rows: int, windows: Sequence[_Window], settings: Settings) -> Found:
    broken = [
        judged(report_of(fault.apply(window.rows)), window.usual, settings)["broken"]
        for window in windows
    ]
    stopped = sum(map(bool, broken))
    named = sum(any(fault.named in message for message in messages) for messages in broken)
    return Found(fault.name, rows, len(windows), stopped, named)
