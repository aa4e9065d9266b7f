"""The metrics of the service, from its code, and the metrics that PromQL names."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from setup.dashboards.files import ROOT

MODULES = ("service/observability/metrics.py", "service/routes/metrics.py")
PROMETHEUS_OWN = {"up", "ALERTS"}
KNOWN_LABELS = {"le", "job", "instance", "alertname", "alertstate", "severity"}
# How a metric's class of prometheus_client names what is scraped.
SUFFIXES = {
    "_counter": ("_total",),
    "CounterMetricFamily": ("_total",),
    "Histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
    "GaugeMetricFamily": ("",),
}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


@cache
def metrics_of_service(root: Path = ROOT) -> set[str]:
    """Every name that a scrape of the service may hold, and Prometheus's own names."""
    named = {
        call.args[0].value + suffix
        for call in _metric_calls(root)
        if isinstance(call.args[0], ast.Constant)
        for suffix in SUFFIXES[_called(call)]
    }
    return named | PROMETHEUS_OWN


@cache
def labels_of_service(root: Path = ROOT) -> set[str]:
    """Every label of a metric of the service."""
    labels: set[str] = set()
    for call in _metric_calls(root):
        for node in ast.walk(call):
            if isinstance(node, ast.Tuple):
                labels |= {e.value for e in node.elts if isinstance(e, ast.Constant)}
        labels |= {keyword.arg for keyword in call.keywords if keyword.arg}
    return labels - {"labels", "registry", "buckets"}


def metric_names(promql: str) -> set[str]:
    """The metrics that an expression names.

    >>> sorted(metric_names('sum by (le) (rate(a_bucket{b="c"}[5m])) > 2 or vector(0)'))
    ['a_bucket']
    """
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|#.*", " ", GROUPING.sub(" ", promql))
    found = re.findall(r"\b([A-Za-z_:][\w:]*)\b(?!\s*\()", text)
    return set(found) - KEYWORDS


def metric_labels(promql: str) -> set[str]:
    """The labels that an expression selects or groups by.

    >>> sorted(metric_labels('sum by (le) (rate(a_bucket{b="c", d!~"e"}[5m]))'))
    ['b', 'd', 'le']
    """
    selected = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", promql)
    grouped = [name.strip() for names in GROUPING.findall(promql) for name in names.split(",")]
    return {name for name in (*selected, *grouped) if name}


def _metric_calls(root: Path) -> Iterator[ast.Call]:
    for module in MODULES:
        for node in ast.walk(ast.parse((root / module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _called(node) in SUFFIXES:
                yield node


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
