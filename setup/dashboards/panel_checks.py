"""Each panel says what it shows, what it means, and what to do."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from setup.dashboards.files import Files, Panel, Plain, panels

ACTION = "What to do:"
MIN_MEANING, MIN_ACTION = 30, 20  # characters; a shorter one repeats the title
COLUMNS = 24  # of Grafana's grid

Check = Callable[[Files], Iterator[str]]


def titles(files: Files) -> Iterator[str]:
    """Every panel has a title, once in a dashboard."""
    for name, dashboard in files.dashboards.items():
        found = Counter(panel.get("title", "").strip() for panel in dashboard["panels"])
        yield from (f"{name}: {found['']} panels have no title" for _ in range(found[""] > 0))
        yield from (
            f"{name}: {n} panels are {title!r}" for title, n in found.items() if title and n > 1
        )


def descriptions(files: Files) -> Iterator[str]:
    """Every panel says what it means, and what to do."""
    for panel in panels(files):
        meaning, found, action = panel.content.get("description", "").partition(ACTION)
        if len(meaning.strip()) < MIN_MEANING:
            yield f"{panel.where}: the description says too little of what the panel means"
        if not found or len(action.strip()) < MIN_ACTION:
            yield f"{panel.where}: the description does not say '{ACTION}' and then enough of it"


def fields(files: Files) -> Iterator[str]:
    """Every panel has a unit, thresholds, and a text for the time without data."""
    for panel in panels(files):
        defaults = panel.content["fieldConfig"]["defaults"]
        missing = [key for key in ("unit", "noValue", "thresholds") if not defaults.get(key)]
        yield from (f"{panel.where}: fieldConfig.defaults.{key} is missing" for key in missing)


def ids(files: Files) -> Iterator[str]:
    """Ids of panels are unique in a dashboard, and uids in all files."""
    for name, dashboard in files.dashboards.items():
        yield from _twice(f"{name}: panel id", [panel.get("id") for panel in dashboard["panels"]])
    uids = [d.get("uid") for d in files.dashboards.values()]
    yield from _twice("dashboard uid", uids)
    yield from _twice("alert uid", [rule.get("uid") for rule in files.alert_rules])
    sources = files.provisioning["datasources.yaml"]["datasources"]
    yield from _twice("data source uid", [source.get("uid") for source in sources])


def layout(files: Files) -> Iterator[str]:
    """No panel covers another one or leaves the grid."""
    for name, dashboard in files.dashboards.items():
        taken: dict[tuple[int, int], str] = {}
        for panel in dashboard["panels"]:
            yield from _placed(name, panel, taken)


def shared_parts(files: Files) -> Iterator[str]:
    """All dashboards have the same annotations and links, and begin with the same variables."""
    (first, reference), *others = files.dashboards.items()
    common = [v for v in reference["templating"]["list"] if _is_common(v, files)]
    for name, dashboard in others:
        for part in ("annotations", "links"):
            if dashboard[part] != reference[part]:
                yield f"{name}: {part} differ from those of {first}"
        if dashboard["templating"]["list"][: len(common)] != common:
            yield f"{name}: the variables do not begin with those of {first}"


def read_only(files: Files) -> Iterator[str]:
    """The files are the dashboards: nothing is edited on Grafana's pages."""
    for name, dashboard in files.dashboards.items():
        if dashboard.get("editable") is not False:
            yield f"{name}: editable must be false"
    for provider in files.provisioning["dashboards.yaml"]["providers"]:
        if provider.get("allowUiUpdates") is not False:
            yield f"dashboards.yaml, {provider['name']}: allowUiUpdates must be false"


CHECKS: tuple[Check, ...] = (titles, descriptions, fields, ids, layout, shared_parts, read_only)


def _twice(what: str, found: list) -> Iterator[str]:
    for value, count in Counter(found).items():
        if value is None:
            yield f"{what}: missing {count} times"
        elif count > 1:
            yield f"{what} {value!r}: {count} times"


def _placed(name: str, panel: Plain, taken: dict[tuple[int, int], str]) -> Iterator[str]:
    at = panel["gridPos"]
    if at["x"] + at["w"] > COLUMNS:
        yield f"{name}, {panel['title']!r}: leaves the grid of {COLUMNS} columns"
    cells = [(at["x"] + n, at["y"] + m) for n in range(at["w"]) for m in range(at["h"])]
    covered = sorted({taken[cell] for cell in cells if cell in taken})
    yield from (f"{name}, {panel['title']!r}: covers {other!r}" for other in covered)
    taken |= dict.fromkeys(cells, panel["title"])


def _is_common(variable: Plain, files: Files) -> bool:
    """Whether another dashboard has a variable of that name, too."""
    name = variable["name"]
    having = [d for d in files.dashboards.values() if name in _variable_names(d)]
    return len(having) > len(files.dashboards) / 2


def _variable_names(dashboard: Plain) -> set[str]:
    return {variable["name"] for variable in dashboard["templating"]["list"]}


def texts(panel: Panel) -> Iterator[str]:
    """Every text within a panel, for what looks for variables and links."""
    waiting: list = [panel.content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value


def dashboard_links(panel: Panel) -> list[str]:
    """The uids of dashboards that a panel links to."""
    return [uid for text in texts(panel) for uid in re.findall(r"^/d/([\w-]+)", text)]
