"""What files name in other files, and in the code, exists."""

import re
from collections.abc import Iterator

from setup.dashboards.files import ROOT, Files, datasources, is_sql, panels, queries
from setup.dashboards.macros import ANY_RANGE, VARIABLE, UnknownMacro, expand
from setup.dashboards.panel_checks import dashboard_links, texts
from setup.dashboards.service_metrics import (
    KNOWN_LABELS,
    labels_of_service,
    metric_labels,
    metric_names,
    metrics_of_service,
)

RUNBOOK = "runbook_url"


def links(files: Files) -> Iterator[str]:
    """Links lead to dashboards that exist; each dashboard has the tag that the menu lists."""
    uids = {dashboard["uid"] for dashboard in files.dashboards.values()}
    for panel in panels(files):
        for uid in dashboard_links(panel):
            if uid not in uids:
                yield f"{panel.where}: links to the dashboard {uid!r}, which does not exist"
    for name, dashboard in files.dashboards.items():
        listed = {tag for link in dashboard["links"] for tag in link["tags"]}
        if not listed & set(dashboard["tags"]):
            yield f"{name}: has none of the tags {sorted(listed)} that its menu lists"


def sources(files: Files) -> Iterator[str]:
    """Every query names a data source that is provisioned, and says something."""
    known = datasources(files)
    for query in queries(files):
        if query.datasource not in known:
            yield f"{query.where}: unknown data source {query.datasource!r}"
        if not query.text.strip():
            yield f"{query.where}: an empty query"


def macros(files: Files) -> Iterator[str]:
    """SQL has only macros that PostgreSQL's data source knows."""
    for query in filter(is_sql, queries(files)):
        names = {match[1] or match[3] for match in VARIABLE.finditer(query.text)}
        try:
            expand(query.text, ANY_RANGE, dict.fromkeys(names, ""))
        except UnknownMacro as error:
            yield f"{query.where}: {error}"


def variables(files: Files) -> Iterator[str]:
    """Every variable that a panel uses is one of its dashboard."""
    for panel in panels(files):
        known = {variable["name"] for variable in panel.dashboard["templating"]["list"]}
        used = {m[1] or m[3] for text in texts(panel) for m in VARIABLE.finditer(text)}
        for name in sorted(used - known):
            if not name.startswith("__"):
                yield f"{panel.where}: uses the variable {name!r}, and the dashboard has none"
    for query in queries(files):
        if query.kind in ("annotation", "variable", "alert") and VARIABLE.search(query.text):
            yield f"{query.where}: only panels may use variables"


def metrics(files: Files) -> Iterator[str]:
    """The metrics and labels of panels and rules exist in the code of the service."""
    known, labels = metrics_of_service(), labels_of_service() | KNOWN_LABELS
    for where, promql in _promql(files):
        for name in sorted(metric_names(promql) - known):
            yield f"{where}: the service has no metric {name!r}"
        for label in sorted(metric_labels(promql) - labels):
            yield f"{where}: no metric of the service has the label {label!r}"


def runbook(files: Files) -> Iterator[str]:
    """Each alert names a page of this repository, which says what to do about it."""
    for rule in files.alert_rules:
        page = ROOT / rule["annotations"].get(RUNBOOK, "missing")
        if not page.is_file() or f"`{rule['title']}`" not in page.read_text(encoding="utf-8"):
            yield f"alert {rule['title']}: {RUNBOOK} is no page that names the alert"


def environment(files: Files) -> Iterator[str]:
    """The variables in provisioning files are described in setup/grafana.md."""
    described = (ROOT / "setup" / "grafana.md").read_text(encoding="utf-8")
    for file, content in files.provisioning.items():
        for name in sorted(set(re.findall(r"\$\{([A-Z_]+)\}", str(content)))):
            if f"`{name}`" not in described:
                yield f"{file}: setup/grafana.md does not describe {name}"


CHECKS = (links, sources, macros, variables, metrics, runbook, environment)


def _promql(files: Files) -> Iterator[tuple[str, str]]:
    for query in queries(files):
        if not is_sql(query):
            yield query.where, query.text
    for rule in files.rules:
        yield f"rule {rule['alert']}", rule["expr"]
