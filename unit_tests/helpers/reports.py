"""Contract reports of raw frames, for the tests of report, page and thresholds."""

import pandas as pd

from vehicle_price.contract.batch_statistics import BatchStatistics
from vehicle_price.contract.check import check
from vehicle_price.contract.report import build_report

PROVENANCE = {"source": "file", "data": "listings.csv"}


def statistics_of(*frames: pd.DataFrame) -> BatchStatistics:
    """The counts of raw frames."""
    statistics = BatchStatistics()
    for frame in frames:
        statistics.add(check(frame))
    return statistics


def report_on(*frames: pd.DataFrame, **provenance: str) -> dict:
    """The report on raw frames."""
    return build_report(statistics_of(*frames), PROVENANCE | provenance)
