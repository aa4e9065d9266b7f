"""Alerts reach people once, and say what to do."""

import re
from collections import Counter
from collections.abc import Iterator

from setup.dashboards.files import Files, Plain

SEVERITIES = ("page", "warn", "info")
# What a query without an answer means: nothing (a pass-through rule always has an answer), or an
# alarm. NoData and Error would each be a message of their own.
NO_DATA, ERROR = ("OK", "Alerting"), ("KeepLast", "Alerting")
ALERT_NAME = re.compile(r'alertname="(\w+)"')


def pairs(files: Files) -> Iterator[str]:
    """Each rule of Prometheus is sent by one rule of Grafana, with its name and words."""
    sent = Counter(name for rule in files.alert_rules for name in _passed_on(rule))
    by_title = {rule["title"]: rule for rule in files.alert_rules}
    for rule in files.rules:
        name = rule["alert"]
        if sent[name] != 1:
            yield f"rule {name}: {sent[name]} rules of Grafana send it, expected one"
        elif name not in by_title or _passed_on(by_title[name]) != [name]:
            yield f"rule {name}: Grafana's rule for it has another title"
        else:
            yield from _same_words(rule, by_title[name])
    known = {rule["alert"] for rule in files.rules}
    yield from (
        f"alert {name}: there is no such rule of Prometheus" for name in sent if name not in known
    )


def complete(files: Files) -> Iterator[str]:
    """Each alert has a severity, says what is wrong and what to do, and treats silence."""
    for rule in files.alert_rules:
        where = f"alert {rule['title']}"
        if rule["labels"].get("severity") not in SEVERITIES:
            yield f"{where}: severity must be one of {', '.join(SEVERITIES)}"
        for name in ("summary", "action"):
            if not rule["annotations"].get(name, "").strip():
                yield f"{where}: the annotation {name} is missing"
        if rule["noDataState"] not in NO_DATA or rule["execErrState"] not in ERROR:
            yield f"{where}: noDataState must be one of {NO_DATA}, execErrState one of {ERROR}"
        if rule["condition"] not in [part["refId"] for part in rule["data"]]:
            yield f"{where}: the condition {rule['condition']!r} is none of its queries"


def routes(files: Files) -> Iterator[str]:
    """All policies lead to contact points that exist; groups and intervals are set at the top."""
    names = {point["name"] for point in files.provisioning["contact-points.yaml"]["contactPoints"]}
    for policy in files.provisioning["policies.yaml"]["policies"]:
        for key in ("group_by", "group_wait", "group_interval", "repeat_interval"):
            if not policy.get(key):
                yield f"policies.yaml: {key} is missing"
        for route in (policy, *policy.get("routes", [])):
            if route.get("receiver") not in names:
                yield f"policies.yaml: there is no contact point {route.get('receiver')!r}"


CHECKS = (pairs, complete, routes)


def _passed_on(rule: Plain) -> list[str]:
    return [
        name for part in rule["data"] for name in ALERT_NAME.findall(part["model"].get("expr", ""))
    ]


def _same_words(rule: Plain, sender: Plain) -> Iterator[str]:
    name = rule["alert"]
    if sender["labels"].get("severity") != rule["labels"]["severity"]:
        yield f"rule {name}: Grafana sends it with another severity"
    for key, text in rule["annotations"].items():
        if sender["annotations"].get(key) != text:
            yield f"rule {name}: Grafana sends it with another {key}"
