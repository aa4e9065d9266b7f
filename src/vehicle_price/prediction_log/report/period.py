"""The last closed windows, which bound every query: a log of a year costs as much as a new one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from vehicle_price.prediction_log.monitoring_store import WINDOWS_CLOSED
from vehicle_price.prediction_log.report.scope import Scope

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

LAST_WINDOWS = """
SELECT window_start, window_end FROM monitoring_results
WHERE metric = %(metric)s ORDER BY window_end DESC LIMIT %(windows)s
"""
AGE = "SELECT now(), (SELECT min(complete_until) FROM forwarders)"
IN_PERIOD = "window_end > %(start)s AND window_end <= %(end)s"  # as the index is sorted
EPOCH = datetime.fromtimestamp(0, UTC)


class Period(NamedTuple):
    """Windows without a gap. starts: their first moments, oldest first. start, end: of the whole
    period; both are EPOCH before the first window has closed."""

    starts: tuple[datetime, ...]
    start: datetime
    end: datetime

    def values(self, scope: Scope) -> dict[str, object]:
        """The values that queries name: start, end, channel, version."""
        named = {"channel": scope.channel, "version": scope.version}
        return {"start": self.start, "end": self.end} | named


def last_windows(cursor: "Cursor", windows: int) -> Period:
    """The last closed windows, at most so many."""
    cursor.execute(LAST_WINDOWS, {"metric": WINDOWS_CLOSED, "windows": windows})
    return period_of(cursor.fetchall())


def period_of(rows: list[tuple[datetime, datetime]]) -> Period:
    """The period of these windows, each (start, end), newest first."""
    if not rows:
        return Period((), EPOCH, EPOCH)
    starts = tuple(start for start, _ in reversed(rows))
    return Period(starts, starts[0], rows[0][1])


def read_windows(cursor: "Cursor", period: Period) -> dict[str, Any]:
    """The windows of the period, how old the last one is, and up to when the log is complete."""
    cursor.execute(AGE)
    now, complete_until = cursor.fetchone()
    return windows_of(period, now) | {"as_of": now, "complete_until": complete_until}


def windows_of(period: Period, now: datetime) -> Mapping[str, Any]:
    """windows: the starts. window_seconds: length of the last one; age_seconds: since its end.
    None before the first window has closed."""
    if not period.starts:
        return {"windows": [], "last_end": None, "window_seconds": None, "age_seconds": None}
    return {
        "windows": list(period.starts),
        "last_end": period.end,
        "window_seconds": (period.end - period.starts[-1]).total_seconds(),
        "age_seconds": (now - period.end).total_seconds(),
    }
