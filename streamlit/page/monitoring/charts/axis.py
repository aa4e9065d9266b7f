"""The axis of windows that the charts share."""

from typing import Any

from page.monitoring import reading
from page.monitoring.reading import Report

Spec = dict[str, Any]


def windows_axis(report: Report) -> Spec:
    """The encoding of x: the whole period, in UTC."""
    days = (report["window_seconds"] or 0) >= reading.DAY_SECONDS
    axis = {
        "title": None,
        "format": "%d %b" if days else "%H:%M:%S",
        "labelOverlap": "greedy",
        "grid": False,
        "tickCount": 6,
    }
    first, last = report["windows"][0], report["last_end"]
    scale = {"type": "utc", "domain": [first, last]}
    return {"field": "window", "type": "temporal", "axis": axis, "scale": scale}


def within(report: Report, moment: str) -> bool:
    """Whether a moment is in the period."""
    first, last = map(reading.moment_of, (report["windows"][0], report["last_end"]))
    return first <= reading.moment_of(moment) <= last
