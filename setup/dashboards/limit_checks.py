"""Limits on dashboards are those by which monitoring and alerts decide, and no others.

Limits that depend on the window are lines of the panel, read from `monitoring_results`. Only what
is a constant of the code may be written into a file.
"""

import re
from collections.abc import Iterator

from evidently_service.monitor import STALE_WINDOWS
from setup.dashboards.files import Files, Panel, Plain, panels
from vehicle_price.monitoring.calibration import MIN_K, SEVERE_FACTOR
from vehicle_price.monitoring.statuses import Status

# Title of a panel of PostgreSQL → its limits.
CONSTANTS = {
    "Distance by column and day: $channel": [MIN_K, SEVERE_FACTOR * MIN_K],
    "Windows behind": [STALE_WINDOWS],
}
ARRAY = re.compile(r"array_position\(ARRAY\[(.*?)\]", re.S)
COMPARED = re.compile(r">\s*([\d.]+)\s*$")


def constants(files: Files) -> Iterator[str]:
    """Panels of PostgreSQL have no limits but those of the code."""
    for panel in panels(files):
        if panel.content["datasource"]["uid"].endswith("prometheus"):
            continue
        expected = CONSTANTS.get(panel.content["title"], [])
        if _steps(panel.content) != expected:
            yield (
                f"{panel.where}: thresholds {_steps(panel.content)}, expected {expected}; read a "
                "limit from monitoring_results.threshold, or name the code's constant in CONSTANTS"
            )


def statuses(files: Files) -> Iterator[str]:
    """Numbers for statuses mean the same in SQL, in the panel and in the code."""
    code = [str(status) for status in Status]
    for panel in panels(files):
        sql = " ".join(target.get("rawSql", "") for target in panel.content["targets"])
        for array in ARRAY.findall(sql):
            if re.findall(r"'([^']*)'", array) != code:
                yield f"{panel.where}: the statuses in SQL are not {code}"
            if _mapped(panel) != {str(n): name for n, name in enumerate(code, 1)}:
                yield f"{panel.where}: the mappings of numbers to statuses are not {code}"


def shown_limits(files: Files) -> Iterator[str]:
    """The panel that an alert leads to shows the limit of the alert."""
    by_place = {(p.dashboard["uid"], str(p.content["id"])): p.content for p in panels(files)}
    expressions = {rule["alert"]: rule["expr"] for rule in files.rules}
    for rule in files.alert_rules:
        panel = by_place.get(panel_of(rule))
        if panel is None:
            yield f"alert {rule['title']}: the panel {panel_of(rule)} does not exist"
        elif rule["title"] in expressions:
            yield from _shown(rule["title"], expressions[rule["title"]], panel)


def panel_of(rule: Plain) -> tuple[str, str]:
    """uid of the dashboard, and id of the panel, that an alert leads to."""
    annotations = rule["annotations"]
    return annotations.get("__dashboardUid__", ""), annotations.get("__panelId__", "")


CHECKS = (constants, statuses, shown_limits)


def _shown(title: str, expression: str, panel: Plain) -> Iterator[str]:
    compared = COMPARED.search(expression.strip())
    if compared is None:
        return  # with another metric, or with 0 by ==
    limit = float(compared[1])
    # Whole numbers above 0 begin somewhere up to 1.
    shown = [step for step in _steps(panel) if step == limit or (limit == 0 and 0 < step <= 1)]
    if not shown:
        yield f"alert {title}: its panel {panel['title']!r} does not show the limit {limit:g}"


def _steps(panel: Plain) -> list[float]:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    return [step["value"] for step in steps if step["value"] is not None]


def _mapped(panel: Panel) -> dict[str, str]:
    mappings = panel.content["fieldConfig"]["defaults"].get("mappings", [])
    return {key: value["text"] for m in mappings for key, value in m["options"].items()}
