"""The files have the keys and types that Grafana knows; it ignores a misspelt key silently."""

import json
from collections.abc import Iterator
from functools import cache

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

from setup.dashboards.files import Files, Plain, panels
from setup.dashboards.make_schemas import SCHEMA

# Type of a panel → module of its options.
PANEL_TYPES = {
    "timeseries": "timeseries",
    "stat": "stat",
    "table": "table",
    "state-timeline": "statetimeline",
    "status-history": "statushistory",
}
# What the schema of Grafana's HTTP interface wants, and a file says of the whole group.
OF_THE_GROUP = {"folderUID": "", "orgID": 1, "ruleGroup": "group"}
OF_THE_FILE = ("orgId",)
MESSAGE = 300  # characters of a message, which may hold the whole content


def dashboards(files: Files) -> Iterator[str]:
    """Dashboards, with their annotations and variables."""
    for name, dashboard in files.dashboards.items():
        yield from _errors(name, dashboard | {"panels": []}, "dashboard.Dashboard")


def panel_options(files: Files) -> Iterator[str]:
    """Panels, with the options of their type and of its fields."""
    for panel in panels(files):
        yield from _errors(panel.where, panel.content, "dashboard.Panel")
        module = PANEL_TYPES.get(panel.content["type"])
        if module is None:
            yield f"{panel.where}: type {panel.content['type']!r} is none of {sorted(PANEL_TYPES)}"
            continue
        yield from _errors(panel.where, panel.content["options"], f"{module}.Options", partial=True)
        custom = panel.content["fieldConfig"]["defaults"].get("custom", {})
        field_config = "common.TableFieldOptions" if module == "table" else f"{module}.FieldConfig"
        if custom:
            yield from _errors(panel.where, custom, field_config, partial=True)


def alerting(files: Files) -> Iterator[str]:
    """Alert rules and notification policies."""
    for rule in files.alert_rules:
        whole = {key: value for key, value in rule.items() if key != "group"} | OF_THE_GROUP
        yield from _errors(f"alert {rule['title']}", whole, "alerting.Rule")
    for policy in files.provisioning["policies.yaml"]["policies"]:
        whole = {key: value for key, value in policy.items() if key not in OF_THE_FILE}
        yield from _errors("policies.yaml", whole, "alerting.NotificationPolicy")


def provisioning_keys(files: Files) -> Iterator[str]:
    """Provisioning files have the keys that Grafana reads; it ignores others, and does nothing."""
    expected = {
        "datasources.yaml": {"apiVersion", "datasources"},
        "dashboards.yaml": {"apiVersion", "providers"},
        "rules.yaml": {"apiVersion", "groups"},
        "contact-points.yaml": {"apiVersion", "contactPoints"},
        "policies.yaml": {"apiVersion", "policies"},
    }
    for name, content in files.provisioning.items():
        if set(content) != expected.get(name):
            wanted = sorted(expected.get(name, []))
            yield f"{name}: the keys are {sorted(content)}, expected {wanted}"


CHECKS = (dashboards, panel_options, alerting, provisioning_keys)


@cache
def _validator(definition: str) -> Draft7Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return Draft7Validator(schema | {"$ref": f"#/definitions/{definition}"})


def _errors(where: str, content: Plain, definition: str, partial: bool = False) -> Iterator[str]:
    """partial: Grafana fills in what is missing with defaults."""
    for error in _validator(definition).iter_errors(content):
        cause = best_match([error])  # of alternatives, what the nearest one lacks
        if not (partial and cause.validator == "required"):
            path = ".".join(map(str, cause.absolute_path))
            yield f"{where}: {path or definition}: {cause.message[:MESSAGE]}"
