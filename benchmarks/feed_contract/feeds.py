"""Feeds cut out of real listings: by day, by growing file, by batches in listing order."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vehicle_price.contract.batch_statistics import BatchStatistics
from vehicle_price.contract.check import check
from vehicle_price.contract.report import build_report
from vehicle_price.contract.thresholds import judged
from vehicle_price.pipelines.contract_reports import EARLIER_REPORTS
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES

Report = dict[str, Any]
BATCH_ROWS = 50_000


def listings(data: str) -> pd.DataFrame:
    """All raw rows of a file, in listing order."""
    frames = SOURCES["file"].read(SourceQuery(data=data), Settings())
    return pd.concat(list(frames), ignore_index=True)


def report_of(raw: pd.DataFrame, since: str = "", until: str = "") -> Report:
    """The contract report of an ingest of these rows."""
    statistics = BatchStatistics()
    for start in range(0, len(raw), BATCH_ROWS):
        statistics.add(check(raw.iloc[start : start + BATCH_ROWS]))
    return build_report(statistics, {"source": "file", "since": since, "until": until})


def days(raw: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(day, its rows) in the order of the days."""
    return [(str(day), rows) for day, rows in raw.groupby(raw["posting_date"].str[:10], sort=True)]


def day_reports(raw: pd.DataFrame) -> list[Report]:
    """The report of each day of a backfill."""
    return [report_of(rows, day, day) for day, rows in days(raw)]


def file_reports(raw: pd.DataFrame) -> list[Report]:
    """The reports of a file that grows by a day, each time read as a whole."""
    all_days = [rows for _, rows in days(raw)]
    return [report_of(pd.concat(all_days[:count])) for count in range(1, len(all_days) + 1)]


def batch_starts(raw: pd.DataFrame, rows: int, most: int) -> np.ndarray:
    """First rows of batches of `rows` rows: all, or `most` neighbouring ones from the middle on."""
    starts = np.arange(0, len(raw) - rows, rows)
    first = max(0, (len(starts) - most) // 2)
    return starts[first : first + most]


def judged_in_order(reports: Sequence[Report], settings: Settings) -> Iterator[Report]:
    """Each report but the first, judged by the ones before it that broke nothing."""
    usual = [reports[0]]
    for report in reports[1:]:
        result = judged(report, usual, settings)
        yield result
        if not result["broken"]:
            usual = [result, *usual][:EARLIER_REPORTS]


def shuffled(reports: Sequence[Report], times: int, seed: int) -> Iterator[list[Report]]:
    """The reports in random orders."""
    random = np.random.default_rng(seed)
    for _ in range(times):
        yield [reports[n] for n in random.permutation(len(reports))]
