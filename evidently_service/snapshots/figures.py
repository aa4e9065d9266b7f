"""Figures that are easier to read than Evidently's: bins in their order, limits beside distances.

Evidently orders the bars by their height. It also stores plotly's default style with each figure,
which is more than half of a snapshot; its pages have that style anyway. And its dashboards begin a
new line wherever a parameter of a metric changes, as thresholds do with the size of a window.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evidently_service.snapshots.rows import PicturedColumn

Model = dict[str, Any]  # of JSON
CHANGING = {"threshold", "per_column_threshold"}  # parameters; the texts of figures and tests stay


def improved(snapshot: Model, columns: Sequence[PicturedColumn]) -> Model:
    """A snapshot as Evidently stores it, with its figures changed in place."""
    by_name = {column.name: column for column in columns}
    by_metric = {
        result["metric_value_location"]["metric"]["metric_id"]: by_name[name]
        for result in snapshot["metric_results"].values()
        if (name := result["metric_value_location"]["metric"]["params"].get("column")) in by_name
    }
    for widget in _widgets(snapshot):
        for metric in widget.get("linked_metrics") or ():
            if metric in by_metric:
                _improve(widget, by_metric[metric])
    for result in snapshot["metric_results"].values():
        for value in (result, result.get("count"), result.get("share")):
            if value:
                parameters = value["metric_value_location"]["metric"]["params"]
                parameters |= dict.fromkeys(CHANGING & parameters.keys())
    return snapshot


def _widgets(snapshot: Model) -> Iterator[Model]:
    """Each figure is stored twice: with its metric, and in the order of the page."""
    for result in snapshot["metric_results"].values():
        yield from result.get("widget") or ()
    yield from snapshot["widgets"]


def _improve(widget: Model, column: PicturedColumn) -> None:
    for counter in (widget.get("params") or {}).get("counters", ()):
        counter["label"] = label(column)
    for layout in _layouts(widget):
        layout.pop("template", None)
        layout["xaxis"] |= {"categoryorder": "array", "categoryarray": list(column.groups)}


def label(column: PicturedColumn) -> str:
    """What a column's figure says above it."""
    if not column.alarms:
        return f"Distance {column.distance:.3f}; it never alarms"
    verdict = "Drift" if column.drifted else "No drift"
    return f"{verdict}: distance {column.distance:.3f}, limit {column.threshold:.3f}"


def _layouts(part: Any) -> Iterator[Model]:
    """The layouts of all plotly figures in a widget, at whatever depth."""
    if isinstance(part, Mapping):
        if "data" in part and "xaxis" in part.get("layout", {}):
            yield part["layout"]
            return
        part = list(part.values())
    if isinstance(part, Sequence) and not isinstance(part, str):
        for one in part:
            yield from _layouts(one)
