"""The page Monitoring, drawn against the real Flask application with a made-up report."""

import socket

import pytest

from page.client import ServiceUnavailable
from page.monitoring import client
from page.monitoring.client import MonitoringClient
from unit_tests.helpers.monitoring_report import (
    channel,
    figure,
    made_up_report,
    performance,
    verdict,
)
from unit_tests.helpers.service_fakes import API_KEY, FakeReport, app_with
from unit_tests.page.monitoring_page import drawn, words_of
from vehicle_price.prediction_log.errors import DatabaseUnavailable


@pytest.fixture(name="page")
def _page(monkeypatch, tmp_path):
    return lambda *args, **options: drawn(monkeypatch, tmp_path, *args, **options)


def test_the_status_the_incidents_and_all_parts_are_on_the_page(page):
    found = page()
    text = words_of(found)
    for words in (
        "Inputs: severe drift in api",
        "Prices: too low: clients report 25 % more",
        "Actions: 1 to act on now",
        "performance bias** (page, open since 15 Mar 2026 00:00)",
        "A retraining follows the market",
        "What moved on 14 Mar",
        "version 7 | since 01 Mar 2026 00:00",
    ):
        assert words in text
    assert [one.value for one in found.subheader] == [
        "Are prices still right?",
        "Are requests still what the model knows?",
        "What did the system do?",
    ]


def test_the_controls_and_the_address_of_the_page_agree(page):
    found = page(windows="30", version="7")
    assert [box.value for box in found.selectbox] == ["api", "7", "30"]
    found.selectbox(key="monitoring.windows").select("90").run()
    found.selectbox(key="monitoring.channel").select("form").run()
    found.selectbox(key="monitoring.version").select("all").run()
    assert not found.exception
    chosen = {name: "".join(values) for name, values in found.query_params.items()}
    assert chosen == {"windows": "90", "channel": "form"}
    assert "form is learning its reference" in words_of(found)


def test_the_query_reaches_the_service(page, tmp_path):
    reader = FakeReport()
    page(app=app_with(tmp_path, monitoring=reader), windows="30", channel="form")
    assert (reader.scopes[0].windows, reader.scopes[0].channel) == (30, "form")


def test_a_refused_query_is_shown_with_its_limit_and_a_way_out(page):
    found = page(windows="1000")
    assert "1 to 90" in words_of(found)
    found.button[0].click().run()
    assert not found.query_params and not found.error[0].value.startswith("There are no figures")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (verdict("learning", missing="5 of 14 days"), "It waits for more: 5 of 14 days"),
        (verdict("not enough data", requests=40), "not enough data for a verdict in these"),
        (verdict("not enough data", requests=0), "no requests in these windows"),
    ],
)
def test_states_without_a_verdict_are_spelt_out(page, state, words):
    report = made_up_report(channels=[channel("form", state)], columns=[], worst_columns=[])
    assert words in words_of(page(report))


def test_windows_without_reports_say_what_a_verdict_needs(page):
    waiting = figure(None, None, None, status="not enough data", rows=3)
    report = made_up_report(performance=[performance(13, 0.0, bias=waiting)])
    assert "bias needs 30 reports" in words_of(page(report))


def test_a_log_without_a_closed_window_is_a_page_too(page):
    empty = dict.fromkeys(
        ("windows", "channels", "columns", "worst_columns", "performance", "incidents"), []
    )
    nothing = {"age_seconds": None, "window_seconds": None, "last_end": None, "production": None}
    lists = {"retrainings": [], "production_changes": [], "versions": []}
    assert "No window has closed yet" in words_of(page(made_up_report(**empty, **nothing, **lists)))


def test_a_missing_key_names_the_file_and_the_command(page, tmp_path):
    text = words_of(page(key=None))
    assert str(tmp_path / "secrets" / "monitoring_key") in text
    assert "make build" in text and "vehicle-price keys add page --monitoring" in text
    assert "is empty" in words_of(page(key=""))


def test_a_key_of_another_scope_is_named_with_its_file(page, tmp_path):
    text = words_of(page(key=API_KEY))
    assert "needs a key for monitoring" in text and str(tmp_path) in text


def test_a_service_that_is_away_is_named_with_what_to_do(monkeypatch, page, tmp_path):
    monkeypatch.setattr("unit_tests.page.monitoring_page.app_with", lambda *_, **__: None)
    text = words_of(page())
    assert "127.0.0.1:5000 does not answer" in text and "`make status`" in text
    away = FakeReport(error=DatabaseUnavailable("PostgreSQL (host=db): refused"))
    found = page(app=app_with(tmp_path, monitoring=away))
    assert "prediction log does not answer" in words_of(found)
    assert found.button[0].label == "Try again"


@pytest.mark.enable_socket  # a server on the loopback address that is silent
def test_a_service_that_is_silent_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", (0.2, 0.2))
    file = tmp_path / "key"
    file.write_text("key", encoding="ascii")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ServiceUnavailable, match="does not answer .ReadTimeout"):
            MonitoringClient(url, file).report({})
