"""Marks of what the system did: promotions and retrainings."""

from page.monitoring import reading
from page.monitoring.charts.axis import Spec, windows_axis, within
from page.monitoring.reading import Report

COLOR = "#8e5bb5"
NAMES, NAME_ROWS = 4, (-12, -26)  # events with a name, and the pixels where it stands


def event_marks(report: Report, named: bool) -> list[Spec]:
    """Vertical lines at promotions and retrainings within the period, with names or without."""
    marks = [
        {"window": one["changed_at"], "what": f"version {one['version']}"}
        for one in report["production_changes"]
    ]
    marks += [{"window": one["started_at"], "what": "retraining"} for one in report["retrainings"]]
    shown = sorted(
        (mark for mark in marks if within(report, mark["window"])), key=lambda m: m["window"]
    )
    if not shown:
        return []
    rule = {
        "mark": {"type": "rule", "color": COLOR, "strokeDash": [2, 2], "strokeWidth": 1.5},
        "encoding": {"x": windows_axis(report), "tooltip": [{"field": "what", "title": "event"}]},
    }
    names = _names(report, shown) if named else []
    return [{"data": {"values": shown}, "layer": [rule, *names]}]


def _names(report: Report, marks: list[Spec]) -> list[Spec]:
    """The latest events, above their lines, in turn in a lower and a higher row; of several in one
    window, one text."""
    by_window: dict[int, list[Spec]] = {}
    for mark in marks:
        by_window.setdefault(_window_of(report, mark["window"]), []).append(mark)
    half = len(report["windows"]) / 2
    latest = list(by_window.items())[-NAMES:]
    return [
        {
            "mark": {
                "type": "text",
                "color": COLOR,
                "align": "left" if window < half else "right",
                "text": ", ".join(one["what"] for one in together),
            },
            "data": {"values": together[-1:]},
            "encoding": {"x": windows_axis(report), "y": {"value": NAME_ROWS[n % len(NAME_ROWS)]}},
        }
        for n, (window, together) in enumerate(latest)
    ]


def _window_of(report: Report, moment: str) -> int:
    """The number of the window that holds a moment."""
    at = reading.moment_of(moment)
    return sum(reading.moment_of(start) <= at for start in report["windows"])
