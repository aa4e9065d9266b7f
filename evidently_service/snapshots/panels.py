"""The panels of a channel's project: how many columns drift, and how far each one is."""

import uuid

from evidently.sdk.models import DashboardPanelPlot, PanelMetric
from evidently.sdk.panels import line_plot_panel

from vehicle_price.monitoring.profiles.columns import WATCHED, Watched
from vehicle_price.monitoring.snapshot_address import project_id

ADVICE = "What is above its own threshold has drifted; the newest report shows each threshold."


def panels(channel: str, metric: str) -> list[DashboardPanelPlot]:
    """The panels for a kind of window. metric: drift_day or drift_week."""
    made = [
        line_plot_panel(
            "Drifting columns",
            [_value(metric, "DriftedColumnsCount", "drifting", {"value_type": "count"})],
            "How many columns are above their thresholds. Look at the reports of those windows.",
        ),
        *(
            line_plot_panel(title, [_distance(metric, name) for name in names], ADVICE, size="half")
            for title, names in _groups().items()
        ),
    ]
    for panel in made:
        panel.id = uuid.uuid5(project_id(channel), f"{metric} {panel.title}")
    return made


def _groups() -> dict[str, list[str]]:
    """Title → watched columns."""
    groups: dict[str, list[str]] = {}
    for watched in WATCHED:
        groups.setdefault(f"Distance from the reference: {_kind(watched)}", []).append(watched.name)
    return groups


def _kind(watched: Watched) -> str:
    if watched.of_version:
        return "answers"
    if watched.limits:
        return "numbers"
    return "levels" if watched.levels else "blank or unknown fields"


def _distance(metric: str, column: str) -> PanelMetric:
    return _value(metric, "ValueDrift", column, {"column": column})


def _value(metric: str, name: str, legend: str, labels: dict[str, str]) -> PanelMetric:
    return PanelMetric(metric=name, legend=legend, tags=[metric], metric_labels=labels)
