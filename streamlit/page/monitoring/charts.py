"""Charts as Vega-Lite: figures over the windows with their limits, and marks for what was done."""

from collections.abc import Iterable, Sequence
from typing import Any

from page.monitoring import reading
from page.monitoring.reading import ALARMS, Report

Spec = dict[str, Any]
LINE, LIMIT, TEST, MARK = "#1f77b4", "#c0392b", "#8a8f98", "#8e5bb5"
SHORT = 170  # pixels of height


def bias(rows: Sequence[Report], report: Report) -> Spec:
    """Bias of each window, the band that is allowed, and marks."""
    values = []
    for one in _values(rows, "bias"):
        if one["limit"] is not None and one["expected"] is not None:
            one["lower"], one["upper"] = (
                one["expected"] - one["limit"],
                one["expected"] + one["limit"],
            )
        values.append(one)
    axis = {"title": None, "format": "+.2f"}
    band = {
        "mark": {"type": "area", "color": TEST, "opacity": 0.18, "interpolate": "step-after"},
        "encoding": {"y": _y("lower", axis), "y2": {"field": "upper"}},
    }
    edges = [_dashed(name, axis) for name in ("lower", "upper")]
    return _over_windows(values, [band, *edges, *_measured("value", axis)], report, 260)


def against_limit(rows: Sequence[Report], report: Report, figure: str) -> Spec:
    """A share of each window, that at the version's own test, and its limit."""
    axis = {"title": None, "format": ".0%"}
    layers = [_at_test("expected", axis), _dashed("limit", axis), *_measured("value", axis)]
    return _over_windows(list(_values(rows, figure)), layers, report, SHORT)


def error(rows: Sequence[Report], report: Report) -> Spec:
    """The mean error where prices were reported, and what to expect if prices hold."""
    to_expect = {r["window"]: r["value"] for r in _values(rows, "expected_error")}
    values = [
        one | {"expected": to_expect.get(one["window"])}
        for one in _values(rows, "mean_absolute_error")
    ]
    axis = {"title": None, "format": "$,.0f"}
    layers = [_at_test("expected", axis), *_measured("value", axis)]
    return _over_windows(values, layers, report, SHORT)


def feedback(rows: Sequence[Report], report: Report) -> Spec:
    """The share of the predictions that have a report."""
    axis = {"title": None, "format": ".0%"}
    layers = _measured("value", axis)
    return _over_windows(list(_values(rows, "feedback_share")), layers, report, SHORT)


def has_values(rows: Sequence[Report], figure: str) -> bool:
    """Whether any window has a value of the figure."""
    return any(one["value"] is not None for one in _values(rows, figure))


def _values(rows: Sequence[Report], figure: str) -> Iterable[Spec]:
    """A row of the chart's data for each window and version with the figure."""
    for row in rows:
        if found := row["figures"].get(figure):
            names = ("value", "expected", "limit", "status", "rows")
            yield {
                "window": row["window_start"],
                "version": f"version {row['version']}",
                "alarm": "beyond its limit" if reading.verdict_of(found) in ALARMS else "within",
                **{name: found[name] for name in names},
            }


def _over_windows(values: list[Spec], layers: list[Spec], report: Report, height: int) -> Spec:
    """Layers over the windows; each version has lines of its own."""
    return {
        "height": height,
        "padding": {"top": 26, "left": 5, "right": 5, "bottom": 5},
        "layer": [
            {"data": {"values": values}, "layer": layers, "encoding": {"x": _x(report)}},
            *_marks(report),
        ],
        "resolve": {"scale": {"x": "shared"}},
    }


def _x(report: Report) -> Spec:
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


def _y(field: str, axis: Spec) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "axis": axis | {"tickCount": 5},
        "scale": {"zero": False, "nice": True},
    }


def _measured(field: str, axis: Spec) -> list[Spec]:
    """A line with points; a point beyond its limit has another shape and colour."""
    encoding = {"y": _y(field, axis), "detail": {"field": "version"}}
    number = axis["format"]
    tooltip = [
        {"field": "window", "type": "temporal", "title": "window", "format": "%d %b %Y %H:%M"},
        {"field": "version", "title": "version"},
        {"field": "value", "title": "value", "format": number},
        {"field": "expected", "title": "to compare with", "format": number},
        {"field": "limit", "title": "limit", "format": number.replace("+", "")},
        {"field": "status", "title": "status"},
        {"field": "rows", "title": "reports", "format": ","},
    ]
    is_alarm = "datum.alarm === 'beyond its limit'"
    point = {
        "y": _y(field, axis),
        "shape": {"condition": {"test": is_alarm, "value": "square"}, "value": "circle"},
        "color": {"condition": {"test": is_alarm, "value": LIMIT}, "value": LINE},
        "size": {"condition": {"test": is_alarm, "value": 130}, "value": 60},
        "tooltip": tooltip,
    }
    return [
        {"mark": {"type": "line", "color": LINE, "strokeWidth": 2}, "encoding": encoding},
        {"mark": {"type": "point", "filled": True, "opacity": 1}, "encoding": point},
    ]


def _dashed(field: str, axis: Spec) -> Spec:
    line = {"type": "line", "color": LIMIT, "strokeDash": [5, 4], "strokeWidth": 1.5}
    return _line(field, axis, line)


def _at_test(field: str, axis: Spec) -> Spec:
    return _line(field, axis, {"type": "line", "color": TEST, "strokeWidth": 2})


def _line(field: str, axis: Spec, mark: Spec) -> Spec:
    """A line of each version; short ones have points, since a line of one window is none."""
    mark = mark | {"point": {"color": mark["color"], "shape": "stroke", "size": 120}}
    return {"mark": mark, "encoding": {"y": _y(field, axis), "detail": {"field": "version"}}}


def _marks(report: Report) -> list[Spec]:
    """Vertical lines at promotions and retrainings within the period."""
    marks = [
        {"window": one["changed_at"], "what": f"version {one['version']}"}
        for one in report["production_changes"]
    ]
    marks += [{"window": one["started_at"], "what": "retraining"} for one in report["retrainings"]]
    shown = sorted(
        (mark for mark in marks if _within(report, mark["window"])), key=lambda m: m["window"]
    )
    rule = {
        "mark": {"type": "rule", "color": MARK, "strokeDash": [2, 2], "strokeWidth": 1.5},
        "encoding": {"x": _x(report), "tooltip": [{"field": "what", "title": "event"}]},
    }
    return [{"data": {"values": shown}, "layer": [rule, *_names(report, shown)]}] if shown else []


def _names(report: Report, marks: list[Spec]) -> list[Spec]:
    """What happened, above the lines; of several things in one window, one text."""
    by_window: dict[int, list[Spec]] = {}
    for mark in marks:
        by_window.setdefault(_window_of(report, mark["window"]), []).append(mark)
    half = len(report["windows"]) / 2
    texts = [
        {
            "mark": {
                "type": "text",
                "color": MARK,
                "align": "left" if window < half else "right",
                "text": ", ".join(one["what"] for one in together),
            },
            "data": {"values": together[-1:]},
            "encoding": {"x": _x(report), "y": {"value": -12}},
        }
        for window, together in by_window.items()
    ]
    return texts


def _window_of(report: Report, moment: str) -> int:
    """The number of the window that holds a moment."""
    at = reading.moment_of(moment)
    return sum(reading.moment_of(start) <= at for start in report["windows"])


def _within(report: Report, moment: str) -> bool:
    first, last = map(reading.moment_of, (report["windows"][0], report["last_end"]))
    return first <= reading.moment_of(moment) <= last
