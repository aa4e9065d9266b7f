"""Rows of results, with None where a figure is no number: JSON and dashboards know no NaN."""

import math
from typing import Any, NamedTuple

from evidently_service.windows import Window
from vehicle_price.prediction_log.monitoring_store import Result


class Scope(NamedTuple):
    """What a result is about. channel, version, role: '' for all."""

    window: Window
    channel: str = ""
    version: str = ""
    role: str = ""


def result(
    scope: Scope, metric: str, status: str, rows: int, column: str = "", **figures: Any
) -> Result:
    """A row. figures: value, expected, threshold and details, as far as there are any."""
    value, expected, threshold = (
        number(figures.get(name, math.nan)) for name in ("value", "expected", "threshold")
    )
    return Result(
        scope.window.start,
        scope.window.end,
        scope.version,
        scope.role,
        scope.channel,
        metric,
        column,
        str(status),
        value,
        expected,
        threshold,
        rows,
        figures.get("details", {}),
    )


def number(value: float) -> float | None:
    """The value; None where it is not finite."""
    return float(value) if math.isfinite(value) else None
