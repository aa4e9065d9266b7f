"""Which column was how far from its reference in which window."""

import math
from collections.abc import Sequence

from page.monitoring import reading
from page.monitoring.charts.axis import Spec
from page.monitoring.reading import ALARMS, Report

TOP = 12  # columns that are shown unless all are wanted
ROW, AXIS, LEGEND, IN_A_LINE = 22, 75, 34, 3  # pixels, and statuses in a line of the legend
# Colours that can be told apart with any eyes and on both backgrounds; alarms have a symbol too.
COLORS = {
    "ok": "#5aa9a3",
    "drift": "#e8a33d",
    "severe drift": "#c0392b",
    "few callers": "#8e7cc3",
    "shown": "#9aa5b1",
    "learning": "#b9c0c8",
    "not enough data": "#d5dae0",
}
SYMBOLS = {"drift": "▲", "severe drift": "■"}


def of_columns(report: Report, channel: str, everything: bool = False) -> Spec:
    """The columns of a channel, the farthest from their reference first; TOP or all of them."""
    columns = sorted(
        (column for column in report["columns"] if column["channel"] == channel),
        key=lambda column: -_farthest(column),
    )
    shown = columns if everything else columns[:TOP]
    cells = [cell for column in shown for cell in _cells(report, column)]
    return _grid(cells, [column["column"] for column in shown], report)


def of_channels(report: Report) -> Spec:
    """The verdict on each channel."""
    cells = [
        _cell(report, channel["channel"], n, status)
        for channel in report["channels"]
        for n, status in enumerate(channel["statuses"])
        if status
    ]
    return _grid(cells, [channel["channel"] for channel in report["channels"]], report)


def _farthest(column: Report) -> float:
    """The largest distance / limit of its windows; columns that never alarm come last."""
    ratios = [ratio for ratio in map(_ratio, column["distance"], column["limit"]) if ratio]
    alarmed = any(status in ("ok", *ALARMS) for status in column["status"])
    return max(ratios, default=0.0) - (0 if alarmed else 1_000)


def _ratio(distance: float | None, limit: float | None) -> float | None:
    return distance / limit if distance is not None and limit else None


def _cells(report: Report, column: Report) -> list[Spec]:
    return [
        _cell(report, column["column"], n, status)
        | {"distance": column["distance"][n], "limit": column["limit"][n], "z": column["z"][n]}
        | {"near": min(_ratio(column["distance"][n], column["limit"][n]) or 0.0, 1.0)}
        for n, status in enumerate(column["status"])
        if status
    ]


def _cell(report: Report, row: str, window: int, status: str) -> Spec:
    start = report["windows"][window]
    label = reading.day_or_time(start, report["window_seconds"])
    return {
        "row": row,
        "window": label,
        "status": status,
        "symbol": SYMBOLS.get(status, ""),
        "near": 1.0,
    }


def _grid(cells: list[Spec], rows: Sequence[str], report: Report) -> Spec:
    """Rectangles in the colour of their status; the nearer to its limit, the stronger."""
    labels = [reading.day_or_time(w, report["window_seconds"]) for w in report["windows"]]
    axis = {"title": None, "labelOverlap": "greedy", "labelAngle": -90, "domain": False}
    x = {"field": "window", "type": "ordinal", "sort": labels, "scale": {"domain": labels}}
    y_axis = {"title": None, "labelLimit": 130, "domain": False, "ticks": False}
    y_axis["labelOverlap"] = False
    y = {"field": "row", "type": "ordinal", "sort": list(rows), "axis": y_axis}
    present = [status for status in COLORS if any(cell["status"] == status for cell in cells)]
    color = {
        "field": "status",
        "type": "nominal",
        "scale": {"domain": present, "range": [COLORS[status] for status in present]},
        "legend": {"orient": "top", "title": None, "columns": IN_A_LINE},
    }
    near = {"type": "quantitative", "scale": {"domain": [0, 1], "range": [0.3, 1]}, "legend": None}
    names = ("row", "window", "status", "distance", "limit", "z")
    rectangle = {
        "mark": {"type": "rect", "stroke": "#ffffff", "strokeOpacity": 0.5, "strokeWidth": 1},
        "encoding": {
            "color": color,
            "opacity": {"field": "near"} | near,
            "tooltip": [_tooltip(name) for name in names],
        },
    }
    symbol = {
        "mark": {"type": "text", "color": "#ffffff", "fontSize": 11},
        "encoding": {"text": {"field": "symbol"}},
    }
    return {
        "data": {"values": cells},
        "height": ROW * len(rows) + AXIS + LEGEND * math.ceil(len(present) / IN_A_LINE),
        "encoding": {"x": x | {"axis": axis}, "y": y},
        "layer": [rectangle, symbol],
    }


def _tooltip(name: str) -> Spec:
    numbers = {"distance": ".3f", "limit": ".3f", "z": ".1f"}
    form = {"type": "quantitative", "format": numbers[name]} if name in numbers else {}
    return {"field": name, "title": name} | form
