"""GET /monitoring and the page Monitoring on a log that monitoring has filled, in a real browser.

SCREENSHOT_DIR=imgs saves pictures there.
"""

import re
import socket
from datetime import datetime

import pytest
import requests
from jsonschema import Draft202012Validator
from playwright.sync_api import expect

from integration_tests.helpers.browser import PATIENCE, save_screenshot
from integration_tests.helpers.ports import HOST
from integration_tests.helpers.service import read_api_key
from integration_tests.helpers.waiting import wait_until
from integration_tests.monitoring_page.running_page import DAYS, running_page, running_streamlit
from integration_tests.prediction_log.database_proxy import OPEN, REFUSING
from service.openapi.schemas import components

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
TOO_WIDE = """
() => [document.querySelector('[data-testid=stMain]'), document.documentElement]
    .map(one => one.scrollWidth - one.clientWidth)
"""
HEIGHT = "() => document.querySelector('[data-testid=stMain]').scrollHeight"


@pytest.fixture(name="running", scope="module")
def _running():
    with running_page() as running:
        yield running


def asked(running, query="", key=None):
    """The service's answer."""
    headers = {"X-API-Key": key or running.key}
    return requests.get(f"{running.service_url}/monitoring{query}", headers=headers, timeout=30)


def test_the_answer_has_the_shape_of_the_contract(running):
    shape = {"$ref": "#/components/schemas/Monitoring", "components": {"schemas": components()}}
    for query in ("", "?windows=90&version=7&channel=api", "?windows=1"):
        answer = asked(running, query)
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
        Draft202012Validator(shape).validate(answer.json())


def test_the_answer_tells_what_happened(running):
    report = asked(running).json()
    assert len(report["windows"]) == 14 and report["windows"] == sorted(report["windows"])
    assert (report["production"]["version"], report["production"]["previous"]) == ("8", "7")
    (api,) = [one for one in report["channels"] if one["channel"] == "api"]
    assert api["statuses"][-3:] == ["ok", "severe drift", "ok"]
    assert api["statuses"][0] == "learning" and api["reference"]["windows"] == 14
    assert [one["state"] for one in report["retrainings"]] == ["promoted"]
    still_open = {one["rule"] for one in report["incidents"] if one["resolved_at"] is None}
    assert still_open == {"performance_bias", "performance_coverage", "drift_week"}
    odometer = next(one for one in report["columns"] if one["column"] == "odometer")
    assert odometer["status"][-2] == "severe drift"
    assert odometer["distance"][-2] > odometer["limit"][-2]
    assert not {"state", None} & {one["column"] for one in report["worst_columns"]}
    assert any(one["figure"] == "bias" for one in report["segments"])


def test_the_stored_verdicts_are_passed_on(running):
    stored = {
        (start, metric): (status, value, threshold)
        for start, metric, status, value, threshold in running.harness.query(
            "SELECT window_start, metric, status, value, threshold FROM monitoring_results "
            "WHERE metric IN ('performance_bias', 'performance_coverage') AND column_name = ''"
        )
    }
    report = asked(running, "?windows=90").json()
    found = {
        (datetime.fromisoformat(row["window_start"]), f"performance_{name}"): tuple(
            row["figures"][name][part] for part in ("status", "value", "limit")
        )
        for row in report["performance"]
        for name in ("bias", "coverage")
    }
    assert found == stored and len(found) == 2 * DAYS


def test_windows_version_and_channel_choose_what_is_told(running):
    assert len(asked(running, "?windows=3").json()["windows"]) == 3
    assert len(asked(running, "?windows=90").json()["windows"]) == DAYS
    skew = asked(running, "?windows=90").json()["skew"]
    assert {"condition", "odometer"} <= {one["column"] for one in skew}
    assert skew == sorted(skew, key=lambda one: -one["distance"])
    assert asked(running, "?version=999").json()["performance"] == []
    assert asked(running, "?channel=form").json()["columns"] == []
    assert asked(running, "?windows=91").status_code == 422


def test_only_the_keys_of_the_scope_are_let_in(running):
    folder = running.harness.folder
    url = f"{running.service_url}/monitoring"
    assert requests.get(url, timeout=30).status_code == 401
    assert asked(running, key=read_api_key(folder)).status_code == 403
    assert asked(running, key=read_api_key(folder, "admin_key")).status_code == 200
    headers = {"X-API-Key": running.key}
    other = requests.post(f"{running.service_url}/train", headers=headers, timeout=30)
    assert other.status_code == 403


def test_a_year_of_windows_costs_no_more_rows(running):
    """Windows before the period are not read: with impossible rows there, all is the same."""
    before = asked(running).json()
    running.harness.query(
        "INSERT INTO monitoring_results (window_start, window_end, model_version, role, channel, "
        "metric, column_name, status, rows, details) "
        "SELECT window_start - interval '400 days', window_end - interval '400 days', "
        "model_version, role, channel, metric, column_name, 'no status', -1, '{}' "
        "FROM monitoring_results WHERE status <> 'no status' RETURNING 1"
    )
    after = asked(running).json()
    same = [name for name in before if name not in ("as_of", "age_seconds")]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def is_shown(page, *words):
    """Wait until these words are on the page."""
    for text in words:
        expect(page.get_by_text(re.compile(text)).first).to_be_visible(timeout=PATIENCE)


def opened(open_page, url, size, charts=7):
    """The whole page at this size, with its charts, as high as it is."""
    page = open_page(url)
    page.set_viewport_size(size)
    drawn = page.get_by_test_id("stVegaLiteChart").locator("canvas, svg.marks")
    expect(drawn).to_have_count(charts, timeout=PATIENCE)
    page.set_viewport_size(size | {"height": page.evaluate(HEIGHT)})
    return page


@pytest.mark.parametrize(("name", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_page_tells_what_happened_and_is_no_wider_than_the_screen(
    running, open_page, name, size
):
    page = opened(open_page, running.url, size)
    is_shown(
        page,
        "Inputs: drift in api",
        "over the week drift, most of all odometer_per_year",
        "Prices: no verdict yet",
        "Before it, version 7: clients report 2. % more than its prices",
        "Actions: 2 to act on now",
        "Version 8 is in production since",
        "A retraining follows the market",
        "Nearest to the limit on",
        "Resolved incidents",
    )
    assert page.evaluate(TOO_WIDE) == [0, 0]
    expect(page.get_by_test_id("stException")).to_have_count(0)
    run = page.get_by_role("link", name="run", exact=True)
    assert re.search("/dags/train_vehicle_price/runs/monitoring-", run.get_attribute("href"))
    save_screenshot(page, f"monitoring_{name}.png")


def test_the_address_of_the_page_keeps_the_choice(running, open_page):
    page = open_page(f"{running.url}?windows=30&channel=form")
    is_shown(page, "form: no requests in these windows")
    page.get_by_label("Windows").click()
    page.get_by_role("option", name="90", exact=True).click()
    page.wait_for_url(re.compile("windows=90"))
    assert "channel=form" in page.url


def test_a_wrong_choice_is_named_with_its_limit(running, open_page):
    page = open_page(f"{running.url}?windows=1000")
    is_shown(page, "no whole number from 1 to 90")
    page.get_by_role("button", name="Without channel, version and windows").click()
    is_shown(page, "Inputs: drift in api")


def test_the_page_says_so_while_postgresql_is_away(running, open_page):
    running.harness.proxy.switch(REFUSING)
    try:
        wait_until(lambda: asked(running).status_code == 503)
        page = open_page(running.url)
        is_shown(page, "There are no figures to show", "prediction log does not answer")
    finally:
        running.harness.proxy.switch(OPEN)
    page.get_by_role("button", name="Try again").click()
    is_shown(page, "Inputs: drift in api")


def test_the_page_gives_up_a_silent_service_and_names_a_missing_key(running, open_page, tmp_path):
    with socket.create_server((HOST, 0)) as silent:
        key, missing = tmp_path / "key", tmp_path / "no key"
        key.write_text("a key", encoding="ascii")
        environ = {
            "SERVICE_URL": f"http://{HOST}:{silent.getsockname()[1]}",
            "MONITORING_KEY_FILE": str(key),
        }
        with running_streamlit(running.harness.folder, environ) as url:
            page = open_page(url)
            is_shown(page, "does not answer .ReadTimeout.", "make status")
        with running_streamlit(
            running.harness.folder, environ | {"MONITORING_KEY_FILE": str(missing)}
        ) as url:
            is_shown(open_page(url), "no key cannot be read", "keys add page --monitoring")
