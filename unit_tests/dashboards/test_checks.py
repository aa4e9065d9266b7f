"""The checks of dashboards and alerts find nothing in the files, and each a planted defect."""

import copy
from collections.abc import Callable

import pytest

from setup.dashboards import __main__ as checks
from setup.dashboards import schema_checks
from setup.dashboards.files import Files, Plain, read


@pytest.fixture(name="unchanged", scope="module")
def _unchanged():
    return read()


@pytest.fixture(name="files")
def _files(unchanged):
    return copy.deepcopy(unchanged)


def panel(files: Files, dashboard: str, title: str) -> Plain:
    """A panel by its title."""
    return next(p for p in files.dashboards[dashboard]["panels"] if p["title"] == title)


def bias(files: Files) -> Plain:
    """The panel Bias of the dashboard overview."""
    return panel(files, "overview", "Bias")


def defaults(files: Files) -> Plain:
    """Its defaults for fields."""
    return bias(files)["fieldConfig"]["defaults"]


def alert(files: Files, title: str = "ForwarderBehind") -> Plain:
    """An alert rule of Grafana."""
    return next(rule for rule in files.alert_rules if rule["title"] == title)


def rewritten(content: Plain, key: str, old: str, new: str) -> None:
    """Replace a part of a text that is there."""
    assert old in content[key]
    content[key] = content[key].replace(old, new)


def duplicate_panel(files: Files) -> None:
    """A panel whose id and place another panel has, under another title."""
    panels = files.dashboards["overview"]["panels"]
    panels.append(panels[0] | {"title": "Another"})


def severity_of_statuses(files: Files) -> None:
    """ "ok" and "drift" exchanged in the SQL of one panel."""
    target = panel(files, "drift", "Verdict by channel")["targets"][0]
    rewritten(target, "rawSql", "'ok', 'drift',", "'drift', 'ok',")


def mapping_of_statuses(files: Files) -> None:
    """A number shown as another status."""
    mappings = panel(files, "drift", "Verdict by channel")["fieldConfig"]["defaults"]["mappings"]
    mappings[0]["options"]["7"]["text"] = "ok"


Defect = Callable[[Files], object]
# What the sentence must say → a defect.
DEFECTS: list[tuple[str, Defect]] = [
    # schema_checks
    ("'titel' was unexpected", lambda f: f.dashboards["drift"].update(titel="Drift")),
    ("'colour' was unexpected", lambda f: defaults(f).update(colour="red")),
    ("'wide' is not of type 'integer'", lambda f: bias(f)["gridPos"].update(w="wide")),
    ("'lineWide' was unexpected", lambda f: defaults(f)["custom"].update(lineWide=1)),
    ("is none of ['stat'", lambda f: bias(f).update(type="graph")),
    ("'Maybe' is not one of", lambda f: alert(f).update(noDataState="Maybe")),
    ("'keep_firing' was unexpected", lambda f: alert(f).update(keep_firing="5m")),
    (
        "'groupBy' was unexpected",
        lambda f: f.provisioning["policies.yaml"]["policies"][0].update(groupBy=[]),
    ),
    (
        "contact-points.yaml: the keys are",
        lambda f: f.provisioning["contact-points.yaml"].update(contact_points=[]),
    ),
    # panel_checks
    ("1 panels have no title", lambda f: bias(f).update(title=" ")),
    ("2 panels are 'Coverage", lambda f: bias(f).update(title="Coverage of the 90 % range")),
    ("too little of what", lambda f: bias(f).update(description="Bias. What to do: " + "x" * 30)),
    ("does not say", lambda f: bias(f).update(description="x" * 60)),
    ("does not say", lambda f: bias(f).update(description="x" * 60 + " What to do: wait")),
    ("defaults.unit is missing", lambda f: defaults(f).pop("unit")),
    ("defaults.noValue is missing", lambda f: defaults(f).update(noValue="")),
    ("defaults.thresholds is missing", lambda f: defaults(f).pop("thresholds")),
    ("panel id 1: 2 times", duplicate_panel),
    ("covers 'Incidents'", duplicate_panel),
    ("leaves the grid", lambda f: bias(f)["gridPos"].update(x=20)),
    (
        "dashboard uid 'vehicle-price-drift': 2 times",
        lambda f: f.dashboards["overview"].update(uid="vehicle-price-drift"),
    ),
    ("alert uid: missing 1", lambda f: alert(f).pop("uid")),
    (
        "annotations differ",
        lambda f: f.dashboards["traffic"]["annotations"]["list"].pop(),
    ),
    ("links differ", lambda f: f.dashboards["traffic"]["links"].clear()),
    (
        "do not begin with those",
        lambda f: f.dashboards["traffic"]["templating"]["list"].pop(0),
    ),
    ("editable must be false", lambda f: f.dashboards["drift"].update(editable=True)),
    (
        "allowUiUpdates must be false",
        lambda f: f.provisioning["dashboards.yaml"]["providers"][0].update(allowUiUpdates=True),
    ),
    # reference_checks
    (
        "links to the dashboard 'vehicle-price-gone'",
        lambda f: panel(f, "overview", "Open incidents")["links"][0].update(
            url="/d/vehicle-price-gone?from=now-1d"
        ),
    ),
    ("none of the tags", lambda f: f.dashboards["drift"].update(tags=[])),
    (
        "unknown data source 'another'",
        lambda f: bias(f)["targets"][0]["datasource"].update(uid="another"),
    ),
    ("an empty query", lambda f: bias(f)["targets"][0].update(rawSql=" ")),
    (
        "$__timeFiltre: these macros",
        lambda f: rewritten(bias(f)["targets"][0], "rawSql", "$__timeFilter", "$__timeFiltre"),
    ),
    (
        "uses the variable 'versoin'",
        lambda f: rewritten(bias(f)["targets"][0], "rawSql", "{version", "{versoin"),
    ),
    (
        "only panels may use variables",
        lambda f: alert(f)["data"][0]["model"].update(expr="up{a='$channel'}"),
    ),
    (
        "has no metric 'http_request_total'",
        lambda f: panel(f, "traffic", "Requests by status")["targets"][0].update(
            expr="rate(http_request_total[5m])"
        ),
    ),
    (
        "rule ForwarderBehind: the service has no metric",
        lambda f: next(r for r in f.rules if r["alert"] == "ForwarderBehind").update(
            expr="vehicle_price_outbox_oldest > 300"
        ),
    ),
    (
        "has the label 'code'",
        lambda f: panel(f, "traffic", "Requests by status")["targets"][0].update(
            expr="sum by (code) (rate(http_requests_total[5m]))"
        ),
    ),
    ("no page that names", lambda f: alert(f)["annotations"].update(runbook_url="setup/gone.md")),
    ("no page that names", lambda f: alert(f).update(title="SomethingElse")),
    (
        "does not describe ANOTHER_NAME",
        lambda f: f.provisioning["datasources.yaml"]["datasources"][0].update(
            url="${ANOTHER_NAME}"
        ),
    ),
    # limit_checks
    (
        "thresholds [0.05], expected []",
        lambda f: defaults(f)["thresholds"]["steps"].append({"color": "red", "value": 0.05}),
    ),
    (
        "expected [5.5, 11.0]",
        lambda f: panel(f, "drift", "Distance by column and day: $channel")["fieldConfig"][
            "defaults"
        ]["thresholds"]["steps"][1].update(value=5.0),
    ),
    ("the statuses in SQL are not", severity_of_statuses),
    ("the mappings of numbers", mapping_of_statuses),
    (
        "('vehicle-price-traffic', '99') does",
        lambda f: alert(f)["annotations"].update(__panelId__="99"),
    ),
    (
        "does not show the limit 600",
        lambda f: next(r for r in f.rules if r["alert"] == "ForwarderBehind").update(
            expr="vehicle_price_outbox_oldest_seconds > 600"
        ),
    ),
    # alert_checks
    ("0 rules of Grafana send it", lambda f: f.alert_rules.remove(alert(f))),
    ("2 rules of Grafana send it", lambda f: f.alert_rules.append(alert(f))),
    ("has another title", lambda f: alert(f).update(title="Behind")),
    (
        "alert Unknown: there is no such rule",
        lambda f: alert(f)["data"][0]["model"].update(expr='ALERTS{alertname="Unknown"}'),
    ),
    ("with another severity", lambda f: alert(f)["labels"].update(severity="warn")),
    ("with another summary", lambda f: alert(f)["annotations"].update(summary="Something.")),
    ("severity must be one of", lambda f: alert(f)["labels"].update(severity="critical")),
    ("annotation action is missing", lambda f: alert(f)["annotations"].update(action="")),
    ("noDataState must be one of", lambda f: alert(f).update(noDataState="NoData")),
    ("execErrState one of", lambda f: alert(f).update(execErrState="Error")),
    ("is none of its queries", lambda f: alert(f).update(condition="D")),
    (
        "repeat_interval is missing",
        lambda f: f.provisioning["policies.yaml"]["policies"][0].pop("repeat_interval"),
    ),
    (
        "there is no contact point 'nobody'",
        lambda f: f.provisioning["policies.yaml"]["policies"][0].update(receiver="nobody"),
    ),
]


def test_the_files_have_no_problem(files):
    assert not list(checks.problems(files))


@pytest.mark.parametrize(("sentence", "plant"), DEFECTS, ids=[text for text, _ in DEFECTS])
def test_a_planted_defect_is_found(files, sentence, plant):
    plant(files)
    found = list(checks.problems(files))
    assert [line for line in found if sentence in line], found


def test_every_check_finds_one_of_the_planted_defects(files):
    """Else it would be a check that cannot fail."""
    silent = {*schema_checks.CHECKS, *(check for m in checks.MODULES for check in m.CHECKS)}
    for _, plant in DEFECTS:
        planted = copy.deepcopy(files)
        plant(planted)
        found = {check for check in schema_checks.CHECKS if any(check(planted))}
        silent -= found or {check for check in silent if any(check(planted))}
    assert not [check.__name__ for check in silent]


def test_an_alert_asks_what_its_panel_shows(files):
    """MonitoringStale is judged by the query that people see."""
    query = alert(files, "MonitoringStale")["data"][0]["model"]["rawSql"]
    shown = panel(files, "overview", "Windows behind")["targets"][0]["rawSql"]
    assert query.split() == shown.split()
