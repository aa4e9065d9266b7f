"""Performance of each version by prediction window, computed again while feedback comes."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pandas as pd

from evidently_service.results import Scope, result
from evidently_service.windows import Window
from vehicle_price.monitoring.feedback import feedback_of
from vehicle_price.monitoring.performance import (
    Baseline,
    FigureRow,
    by_segment,
    expected_error,
    judge_performance,
)
from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log import monitoring_store as store
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.monitoring_store import Result
from vehicle_price.prediction_log.windows import read_feedback, windows_with_feedback
from vehicle_price.settings import Settings

PREFIX = "performance_"  # of the metrics' names
SHARE, EXPECTED = "performance_feedback_share", "performance_expected_error"

# The figures of a version on the gate's later cars; None when they are not known.
BaselineOf = Callable[[str], Baseline | None]


def with_feedback(
    connection: Connection, settings: Settings, latest: Window, since: datetime
) -> set[int]:
    """Numbers of the windows up to `latest` that got feedback after `since`."""
    seconds = settings.monitoring_window_seconds
    oldest = latest.start - timedelta(seconds=seconds * settings.monitoring_horizon_windows)
    return set(windows_with_feedback(connection, seconds, oldest, latest.end, since))


def compute(connection: Connection, window: Window, of: BaselineOf) -> None:
    """Keep the figures of each version in a window. A repeated call replaces them."""
    predictions = read_feedback(connection, window.start, window.end)
    for (version, role), rows in predictions.groupby(["model_version", "role"]):
        scope = Scope(window, "", str(version), str(role))
        store.put_results(connection, list(_figures(scope, rows, of(scope.version))))


def _figures(
    scope: Scope, predictions: pd.DataFrame, baseline: Baseline | None
) -> Iterator[Result]:
    """All figures of a version in a window, of all channels together."""
    reported = predictions[predictions["reported"].notna()].reset_index(drop=True)
    count, share = len(predictions), len(reported) / len(predictions)
    yield result(scope, SHARE, Status.SHOWN, count, value=share)
    if baseline is None:
        missing = {"missing": f"version {scope.version} has no figures of its own test"}
        few = Status.NOT_ENOUGH_DATA
        yield result(scope, f"{PREFIX}bias", few, len(reported), details=missing)
        return
    expected = expected_error(predictions["low"], predictions["high"], baseline)
    yield result(scope, EXPECTED, Status.SHOWN, count, value=expected)
    names = ("price", "low", "high", "reported", "key_name")
    days = reported["created_at"].map(lambda at: at.date())
    feedback, few_keys = feedback_of(*(reported[name] for name in names), days)
    rows = judge_performance(feedback, few_keys, baseline)
    rows += by_segment(feedback, few_keys, baseline, reported)
    yield from (_row(scope, row) for row in rows)


def _row(scope: Scope, row: FigureRow) -> Result:
    details = {"verdict": row.verdict, "effective": round(row.effective, 1), "keys": row.keys}
    details |= {"beyond": row.beyond}
    return result(
        scope,
        f"{PREFIX}{row.figure}",
        row.status,
        row.rows,
        row.segment,
        value=row.value,
        expected=row.expected,
        threshold=row.threshold,
        details=details,
    )
