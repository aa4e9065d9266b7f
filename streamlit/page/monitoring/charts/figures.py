"""Figures over the windows with their limits, and marks for what was done."""

from collections.abc import Iterable, Sequence

from page.monitoring import reading
from page.monitoring.charts.axis import Spec, windows_axis
from page.monitoring.charts.marks import event_marks
from page.monitoring.reading import ALARMS, Report

LINE, LIMIT, TEST = "#1f77b4", "#c0392b", "#8a8f98"
TALL, SHORT = 260, 170  # pixels of height


def bias(rows: Sequence[Report], report: Report) -> Spec:
    """Bias of each window, the band that is allowed, and marks."""
    values = []
    for one in _values(rows, "bias"):
        expected, limit = one["expected"], one["limit"]
        known = expected is not None and limit is not None
        allowed = {"lower": expected - limit, "upper": expected + limit} if known else {}
        values.append(one | allowed)
    axis = {"title": None, "format": "+.2f"}
    band = {
        "mark": {"type": "area", "color": TEST, "opacity": 0.18, "interpolate": "step-after"},
        "encoding": {
            "y": _y("lower", axis),
            "y2": {"field": "upper"},
            "detail": {"field": "version"},
        },
    }
    edges = [_dashed(name, axis) for name in ("lower", "upper")]
    return _over_windows(values, [band, *edges, *_measured("value", axis)], report, TALL)


def against_limit(rows: Sequence[Report], report: Report, figure: str) -> Spec:
    """A share of each window, that at the version's own test, and its limit."""
    axis = {"title": None, "format": ".0%"}
    layers = [_at_test("expected", axis), _dashed("limit", axis), *_measured("value", axis)]
    return _over_windows(list(_values(rows, figure)), layers, report, SHORT)


def error(rows: Sequence[Report], report: Report) -> Spec:
    """The mean error where prices were reported, and what to expect if prices hold."""
    found = _values(rows, "expected_error")
    to_expect = {(one["window"], one["version"]): one["value"] for one in found}
    values = [
        one | {"expected": to_expect.get((one["window"], one["version"]))}
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
        "padding": {"top": 40 if height > SHORT else 10, "left": 5, "right": 5, "bottom": 5},
        "layer": [
            {"data": {"values": values}, "layer": layers, "encoding": {"x": windows_axis(report)}},
            *event_marks(report, named=height > SHORT),
        ],
        "resolve": {"scale": {"x": "shared"}},
    }


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
