"""Whether the requests of each channel have drifted: the stored verdict of each window."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log.report.period import IN_PERIOD, Period
from vehicle_price.prediction_log.report.scope import Scope

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

DAY, WEEK = "drift_day", "drift_week"
NOT_JUDGED = (Status.NOT_ENOUGH_DATA, Status.LEARNING)
VERDICTS = f"""
SELECT channel, metric, window_start, status, value, threshold, rows, details
FROM monitoring_results
WHERE metric IN ('{DAY}', '{WEEK}') AND column_name = '' AND model_version = '' AND {IN_PERIOD}
ORDER BY channel, window_end
"""
REFERENCES = """
SELECT channel, frozen_at, cardinality(windows) FROM monitoring_references WHERE model_version = ''
"""
# Of the details of a verdict, what people are told.
DETAILS = ("verdict", "effective", "k", "false_alarms", "worst", "missing", "snapshot")


class Verdict(NamedTuple):
    """The stored row of a channel and window. value: share of drifting columns; threshold: the
    share above which a drift is severe."""

    channel: str
    metric: str
    window_start: datetime
    status: str
    value: float | None
    threshold: float | None
    rows: int
    details: Mapping[str, Any]


def read_channels(cursor: "Cursor", period: Period) -> list[dict[str, Any]]:
    """The state of every channel, as `channel_state` gives it, in the order of the alphabet."""
    cursor.execute(VERDICTS, period.values(Scope()))
    verdicts = [Verdict(*row) for row in cursor.fetchall()]
    cursor.execute(REFERENCES)
    references = {
        channel: {"frozen_at": at, "windows": count} for channel, at, count in cursor.fetchall()
    }
    names = dict.fromkeys(verdict.channel for verdict in verdicts)
    return [
        channel_state(name, [v for v in verdicts if v.channel == name], period)
        | {"reference": references.get(name)}
        for name in names
    ]


def channel_state(channel: str, verdicts: Iterable[Verdict], period: Period) -> dict[str, Any]:
    """latest: the newest day. judged, week: the newest day, and week, that could be judged, or
    None. statuses: of each window of the period, None where none is stored.

    verdicts: of this channel, oldest first.
    """
    days = [verdict for verdict in verdicts if verdict.metric == DAY]
    weeks = [verdict for verdict in verdicts if verdict.metric == WEEK]
    status = {day.window_start: day.status for day in days}
    return {
        "channel": channel,
        "latest": _as_dict(days[-1]) if days else None,
        "judged": _latest_judged(days),
        "week": _latest_judged(weeks),
        "statuses": [status.get(start) for start in period.starts],
    }


def _latest_judged(verdicts: list[Verdict]) -> dict[str, Any] | None:
    judged = [verdict for verdict in verdicts if verdict.status not in NOT_JUDGED]
    return _as_dict(judged[-1]) if judged else None


def _as_dict(verdict: Verdict) -> dict[str, Any]:
    return {
        "window_start": verdict.window_start,
        "status": verdict.status,
        "drifting_share": verdict.value,
        "severe_share": verdict.threshold,
        "requests": verdict.rows,
        **{name: verdict.details.get(name) for name in DETAILS},
    }
