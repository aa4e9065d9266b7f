"""GET /monitoring: what it passes on, what it refuses, and what it says when PostgreSQL is away."""

import json
import threading

import pytest

from service.routes import log_connections
from service.routes.log_connections import LogConnections
from service.routes.monitoring import MAX_REPORTS
from unit_tests.helpers.monitoring_report import made_up_report
from unit_tests.helpers.service_fakes import MONITORING_KEY, FakeReport, app_with
from vehicle_price.prediction_log import database
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.report.scope import DEFAULT_WINDOWS, Scope
from vehicle_price.settings import Settings

KEY = {"X-API-Key": MONITORING_KEY}


def asked(tmp_path, query="", **fake):
    """The answer to a query, and the reader that was asked."""
    reader = FakeReport(**fake)
    client = app_with(tmp_path, monitoring=reader).test_client()
    return client.get(f"/monitoring{query}", headers=KEY), reader


def test_the_report_is_passed_on_and_stored_by_no_cache(tmp_path):
    answer, reader = asked(tmp_path)
    assert answer.status_code == 200 and answer.get_json() == made_up_report()
    assert answer.headers["Cache-Control"] == "no-store"
    assert reader.scopes == [Scope(DEFAULT_WINDOWS, None, None)]


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("?windows=1", Scope(1)),
        ("?windows=90&channel=batch&version=12", Scope(90, "batch", "12")),
    ],
)
def test_the_query_chooses_windows_channel_and_version(tmp_path, query, scope):
    answer, reader = asked(tmp_path, query)
    assert answer.status_code == 200 and reader.scopes == [scope]


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ("windows=0", "/windows", "1 to 90"),
        ("windows=91", "/windows", "1 to 90"),
        ("windows=", "/windows", "1 to 90"),
        ("windows=-1", "/windows", "1 to 90"),
        ("windows=7.0", "/windows", "1 to 90"),
        ("windows=%D9%A7", "/windows", "1 to 90"),  # an Arabic seven
        ("windows=7%0A", "/windows", "1 to 90"),
        ("windows=" + "9" * 500, "/windows", "1 to 90"),
        ("windows=7&windows=8", "/windows", "more than once"),
        ("channel=phone", "/channel", "form, api, batch"),
        ("channel=", "/channel", "form, api, batch"),
        ("channel=api%00", "/channel", "form, api, batch"),
        ("version=latest", "/version", "1 to 999999999"),
        ("version=0", "/version", "1 to 999999999"),
        ("version=7%00", "/version", "1 to 999999999"),
        ("days=7", "/days", "channel, version, windows"),
        ("=7", "/", "channel, version, windows"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_limit(tmp_path, query, pointer, words):
    answer, reader = asked(tmp_path, f"?{query}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    (error,) = answer.get_json()["errors"]
    assert error["pointer"] == pointer and words in error["detail"]
    assert not reader.scopes


def test_every_wrong_parameter_is_named(tmp_path):
    answer, _ = asked(tmp_path, "?windows=0&channel=x&version=7")
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["/windows", "/channel"]


def test_without_postgresql_the_answer_names_the_prediction_log(tmp_path):
    answer, _ = asked(tmp_path, error=DatabaseUnavailable("PostgreSQL (host=db): refused"))
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert "prediction log" in answer.get_json()["detail"] and answer.headers["Retry-After"]


def test_a_figure_that_is_no_number_is_still_json(tmp_path):
    answer, _ = asked(tmp_path, report=made_up_report(age_seconds=float("nan")))
    assert json.loads(answer.data, parse_constant=pytest.fail)["age_seconds"] is None


def test_few_reports_are_read_at_a_time(monkeypatch):
    """The next one gives up, instead of keeping a thread; a place is free after each."""

    class Connected:
        """A connection that is not needed."""

        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(database, "connected", Connected)
    monkeypatch.setattr(log_connections, "TIMEOUT_SECONDS", 0.01)
    connections, refused = LogConnections(Settings(), MAX_REPORTS), []

    def one_more():
        with pytest.raises(DatabaseUnavailable, match="too many"), connections.connected():
            pass
        refused.append(True)

    with connections.connected(), connections.connected():
        thread = threading.Thread(target=one_more)
        thread.start()
        thread.join()
    assert refused
    with connections.connected(), connections.connected():
        pass
