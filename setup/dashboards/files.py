"""The files of Grafana and Prometheus, read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "evidently_service"

Plain = dict[str, Any]


class Files(NamedTuple):
    """dashboards: name of the file without .json → its content. alert_rules: Grafana's. rules:
    Prometheus's. provisioning: file name → content."""

    dashboards: dict[str, Plain]
    alert_rules: list[Plain]
    rules: list[Plain]
    provisioning: dict[str, Plain]


class Panel(NamedTuple):
    """A panel. where: dashboard and title, for messages."""

    where: str
    dashboard: Plain
    content: Plain


class Query(NamedTuple):
    """A query of a panel, an annotation, a variable or an alert. text: SQL or PromQL."""

    where: str
    kind: str
    datasource: str
    text: str
    format: str


def read(folder: Path = FOLDER) -> Files:
    """All files below `folder`. Raises OSError, ValueError and yaml.YAMLError."""
    grafana = folder / "grafana"
    dashboards = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((grafana / "dashboards").glob("*.json"))
    }
    provisioning = {
        path.name: _yaml(path) for path in sorted((grafana / "provisioning").glob("*/*.yaml"))
    }
    alert_rules = [
        rule | {"group": group["name"]}
        for group in provisioning["rules.yaml"]["groups"]
        for rule in group["rules"]
    ]
    groups = _yaml(folder / "prometheus" / "rules.yml")["groups"]
    return Files(dashboards, alert_rules, [r for g in groups for r in g["rules"]], provisioning)


def panels(files: Files) -> Iterator[Panel]:
    """The panels of all dashboards."""
    for name, dashboard in files.dashboards.items():
        for panel in dashboard["panels"]:
            yield Panel(f"{name}, {panel.get('title', panel.get('id'))!r}", dashboard, panel)


def queries(files: Files) -> Iterator[Query]:
    """The queries of all panels, annotations, variables and alerts."""
    for panel in panels(files):
        for target in panel.content["targets"]:
            yield _query(panel.where, "panel", target["datasource"]["uid"], target)
    for name, dashboard in files.dashboards.items():
        for one in dashboard["annotations"]["list"]:
            where = f"{name}, annotation {one['name']!r}"
            yield _query(where, "annotation", one["datasource"]["uid"], one["target"])
        for one in dashboard["templating"]["list"]:
            if one["type"] == "query":
                where = f"{name}, variable {one['name']!r}"
                yield Query(where, "variable", one["datasource"]["uid"], one["query"], "table")
    for rule in files.alert_rules:
        for part in rule["data"]:
            if part["datasourceUid"] != "__expr__":
                where = f"alert {rule['title']}"
                yield _query(where, "alert", part["datasourceUid"], part["model"])


def datasources(files: Files) -> dict[str, str]:
    """uid → type."""
    found = files.provisioning["datasources.yaml"]["datasources"]
    return {source["uid"]: source["type"] for source in found}


def is_sql(query: Query) -> bool:
    """Whether a query is for PostgreSQL."""
    return query.datasource.endswith("postgresql")


def _query(where: str, kind: str, datasource: str, target: Plain) -> Query:
    text = target.get("rawSql") or target.get("expr", "")
    return Query(where, kind, datasource, text, target.get("format", "time_series"))


def _yaml(path: Path) -> Plain:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
