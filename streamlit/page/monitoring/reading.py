"""Choosing from the report: the newest verdicts, the rows of a version, moments of time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Report = Mapping[str, Any]
ALARMS = ("drift", "severe drift")
NOT_JUDGED = ("not enough data", "learning")
FEW_CALLERS, LEARNING = "few callers", "learning"
DAY_SECONDS = 86_400
# From harmless to serious: what a channel is sorted by.
ORDER = ("not enough data", "learning", "shown", "ok", "few callers", "drift", "severe drift")


def state_of(channel: Report) -> Report:
    """The newest verdict on a channel; without one, its newest window."""
    return channel["judged"] or channel["latest"] or {"status": "not enough data", "requests": 0}


def verdict_of(state: Report) -> str:
    """The verdict of a window or figure, also where few callers or keys hide it."""
    return str(state.get("verdict") or state["status"])


def default_channel(report: Report) -> str | None:
    """The channel with the worst verdict; of equal ones the one with most requests."""

    def rank(channel: Report) -> tuple[int, int]:
        state = state_of(channel)
        return ORDER.index(verdict_of(state)), state["requests"]

    return max(report["channels"], key=rank)["channel"] if report["channels"] else None


def shown_version(report: Report, chosen: str | None) -> str | None:
    """The version whose prices are judged: the chosen one, else the one in production."""
    return chosen or (report["production"] or {}).get("version")


def production_rows(report: Report, chosen: str | None) -> list[Report]:
    """The windows of what answered as production, oldest first; of a chosen version, in any role
    if it was never in production."""
    of_version = [r for r in report["performance"] if chosen in (None, r["version"])]
    in_production = [row for row in of_version if row["role"] == "production"]
    return in_production or of_version


def latest_judged(rows: Sequence[Report], figure: str) -> Report | None:
    """The newest of `rows` in which the figure could be judged: feedback comes late."""
    judged = (
        row
        for row in reversed(rows)
        if figure in row["figures"] and row["figures"][figure]["status"] not in NOT_JUDGED
    )
    return next(judged, None)


def alarmed_columns(report: Report, channel: str) -> Iterator[Report]:
    """The columns that have drifted in the newest judged window, the worst first."""
    for column in report["worst_columns"]:
        if column["channel"] == channel and column["status"] in ALARMS:
            yield column


def open_incidents(report: Report) -> list[Report]:
    """The open incidents, pages before warnings."""
    found = [incident for incident in report["incidents"] if incident["resolved_at"] is None]
    return sorted(found, key=lambda incident: incident["severity"] != "page")


def moment_of(text: str) -> datetime:
    """An ISO time of the report, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def day_or_time(text: str, window_seconds: float | None) -> str:
    """A window's start for people: its day, or its time where windows are shorter.

    >>> day_or_time("2026-03-16T00:00:00Z", 86_400), day_or_time("2026-03-16T07:05:00Z", 60)
    ('16 Mar', '16 Mar 07:05:00')
    """
    days = window_seconds is None or window_seconds >= DAY_SECONDS
    return f"{moment_of(text):%d %b}" if days else f"{moment_of(text):%d %b %H:%M:%S}"


def minute(text: str) -> str:
    """A moment for people.

    >>> minute("2026-03-16T07:05:09+00:00")
    '16 Mar 2026 07:05'
    """
    return f"{moment_of(text):%d %b %Y %H:%M}"


def duration(seconds: float) -> str:
    """A span of time for people.

    >>> duration(42), duration(600), duration(7200), duration(3 * 86_400)
    ('42 s', '10 min', '2 h', '3 days')
    """
    for unit, length in (("days", DAY_SECONDS), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (unit != "days" and seconds >= length):
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
