"""A real Prometheus, started as `make build` starts it, scrapes a real service."""

import sys

import pytest
import requests

from integration_tests.helpers.ports import HOST, free_ports
from integration_tests.helpers.processes import SupervisedProcess
from integration_tests.helpers.service import HONDA
from integration_tests.helpers.waiting import answers, wait_until
from integration_tests.prediction_log.harness import prediction_log_harness
from setup.dashboards.files import is_sql, queries, read
from setup.dashboards.service_metrics import PROMETHEUS_OWN, metric_names
from unit_tests.helpers import tiny
from unit_tests.helpers.promtool import need

PATIENCE = 30  # seconds for one answer
# Counted only where a model is in shadow; unit_tests/dashboards/test_service_metrics.py has it.
WITHOUT_SHADOW = {"vehicle_price_shadow_listings_total"}


@pytest.fixture(name="harness", scope="module")
def _harness():
    with prediction_log_harness(tiny.valuation("xgboost")) as harness:
        (port,) = free_ports(1)
        harness.environ["PROMETHEUS_PORT"] = str(port)
        url = f"http://{HOST}:{harness.service_port}/predict"
        for body in (HONDA, {"year": "no year"}, HONDA | {"odometer": 1_000}):
            requests.post(url, json=body, timeout=PATIENCE)
        yield harness


@pytest.fixture(name="prometheus", scope="module")
def _prometheus(harness):
    need("prometheus")
    command = [sys.executable, "-m", "setup.native.observability", "prometheus"]
    program = SupervisedProcess(command, harness.environ, harness.folder / "prometheus.log")
    url = f"http://{HOST}:{harness.environ['PROMETHEUS_PORT']}"
    program.start()
    try:
        wait_until(lambda: answers(f"{url}/-/ready"))
        yield f"{url}/api/v1"
    finally:
        program.stop()


def promql():
    """Place and text of each expression of panels, alerts and rules."""
    files = read()
    yield from ((query.where, query.text) for query in queries(files) if not is_sql(query))
    yield from ((f"rule {rule['alert']}", rule["expr"]) for rule in files.rules)


def ask(prometheus, expression):
    """The series that an expression gives now."""
    parameters = {"query": expression.replace("$__rate_interval", "1m")}
    answer = requests.get(f"{prometheus}/query", params=parameters, timeout=PATIENCE)
    assert answer.ok, f"{expression}: {answer.text}"
    return answer.json()["data"]["result"]


def test_every_metric_of_panels_and_rules_is_in_a_scrape(harness):
    url = f"http://{HOST}:{harness.service_port}/metrics"
    lines = requests.get(url, timeout=PATIENCE).text.splitlines()
    scraped = {line.replace("{", " ").split()[0] for line in lines if not line.startswith("#")}
    used = {name for _, text in promql() for name in metric_names(text)}
    assert len(used) > 15
    assert used - scraped - PROMETHEUS_OWN == WITHOUT_SHADOW


def test_prometheus_scrapes_the_service_and_judges_every_rule(prometheus):
    wait_until(
        lambda: [s for s in ask(prometheus, 'up{job="vehicle-price"}') if s["value"][1] == "1"]
    )
    (target,) = requests.get(f"{prometheus}/targets", timeout=PATIENCE).json()["data"][
        "activeTargets"
    ]
    assert target["health"] == "up" and not target["lastError"]

    def judged():
        groups = requests.get(f"{prometheus}/rules", timeout=PATIENCE).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert {rule["name"] for rule in rules} == {rule["alert"] for rule in read().rules}
        return all(rule["health"] == "ok" for rule in rules)

    wait_until(judged)


def test_prometheus_understands_every_expression(prometheus):
    wait_until(lambda: ask(prometheus, "vehicle_price_outbox_bytes"))
    for where, expression in promql():
        assert ask(prometheus, expression) is not None, where


def test_a_service_that_is_away_is_an_alert(prometheus, harness):
    harness.service.stop()
    wait_until(lambda: ask(prometheus, 'ALERTS{alertname="ServiceDown", alertstate="pending"}'))
