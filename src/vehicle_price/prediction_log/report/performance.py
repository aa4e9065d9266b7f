"""Whether prices are still right: the stored figures of each version and window."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from vehicle_price.monitoring.statuses import ALARMS
from vehicle_price.prediction_log.report.period import IN_PERIOD, Period
from vehicle_price.prediction_log.report.scope import Scope

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

PREFIX, SHARE = "performance_", "feedback_share"
FIGURES = (
    *("bias", "coverage", "median_ape", "mean_absolute_error"),
    *("interval_width", "interval_score", "expected_error", SHARE),
)
METRICS = [PREFIX + figure for figure in FIGURES]
OF_SCOPE = f"""
metric = ANY(%(metrics)s) AND {IN_PERIOD}
  AND (%(version)s::text IS NULL OR model_version = %(version)s)
"""
SELECT = """
SELECT window_start, model_version, role, metric, column_name, status, value, expected, threshold,
       rows, details
FROM monitoring_results
"""
OF_WINDOWS = f"""
{SELECT} WHERE column_name = '' AND {OF_SCOPE} ORDER BY window_start, model_version, role
"""
# Segments never alarm; the verdict says that one would have.
OF_SEGMENTS = f"""
{SELECT}
WHERE column_name <> '' AND {OF_SCOPE} AND details->>'verdict' = ANY(%(alarms)s)
  AND window_end = (
    SELECT max(window_end) FROM monitoring_results
    WHERE column_name <> '' AND metric = '{PREFIX}bias' AND {IN_PERIOD}
      AND (%(version)s::text IS NULL OR model_version = %(version)s)
  )
ORDER BY model_version, role, column_name, metric
"""
VERSIONS = f"""
SELECT DISTINCT model_version FROM monitoring_results
WHERE metric = '{PREFIX}{SHARE}' AND {IN_PERIOD}
"""


class FigureRow(NamedTuple):
    """A stored figure. segment: '' for the whole window. expected: at the version's own test."""

    window_start: datetime
    version: str
    role: str
    metric: str
    segment: str
    status: str
    value: float | None
    expected: float | None
    threshold: float | None
    rows: int
    details: Mapping[str, Any]

    @property
    def figure(self) -> str:
        """The figure's name, such as bias."""
        return self.metric.removeprefix(PREFIX)

    def as_dict(self) -> dict[str, Any]:
        """What is known of the figure. rows: reports, or predictions where it needs no reports."""
        return {
            "status": self.status,
            "verdict": self.details.get("verdict"),
            "value": self.value,
            "expected": self.expected,
            "limit": self.threshold,
            "rows": self.rows,
            "effective": self.details.get("effective"),
            "keys": self.details.get("keys"),
            "missing": self.details.get("missing"),
        }


def read_performance(cursor: "Cursor", scope: Scope, period: Period) -> list[dict[str, Any]]:
    """The figures of each window, version and role, oldest first."""
    cursor.execute(OF_WINDOWS, period.values(scope) | {"metrics": METRICS})
    return by_window(FigureRow(*row) for row in cursor.fetchall())


def read_segments(cursor: "Cursor", scope: Scope, period: Period) -> list[dict[str, Any]]:
    """The segments beyond their limit in the newest window with reports enough for segments."""
    alarms = [str(status) for status in ALARMS]
    cursor.execute(OF_SEGMENTS, period.values(scope) | {"metrics": METRICS, "alarms": alarms})
    rows = [FigureRow(*row) for row in cursor.fetchall()]
    return [
        {name: getattr(row, name) for name in ("window_start", "version", "role", "segment")}
        | {"figure": row.figure}
        | row.as_dict()
        for row in rows
    ]


def read_versions(cursor: "Cursor", period: Period) -> list[str]:
    """Every version that has made prices in the period, the newest first."""
    cursor.execute(VERSIONS, period.values(Scope()))
    return newest_first(row[0] for row in cursor.fetchall())


def by_window(rows: Iterable[FigureRow]) -> list[dict[str, Any]]:
    """window_start, version and role with `figures`: name → what is known of the figure."""
    found: dict[tuple[datetime, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row.window_start, row.version, row.role)
        found.setdefault(key, {})[row.figure] = row.as_dict()
    return [
        {"window_start": start, "version": version, "role": role, "figures": figures}
        for (start, version, role), figures in found.items()
    ]


def newest_first(versions: Iterable[str]) -> list[str]:
    """Versions in the order of their numbers, the largest first.

    >>> newest_first(["9", "10", "8"])
    ['10', '9', '8']
    """
    return sorted(versions, key=lambda version: (len(version), version), reverse=True)
