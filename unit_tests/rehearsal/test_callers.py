"""The callers of a rehearsal: who asks for what, and when prices are reported."""

import random
import time
from dataclasses import replace

import pandas as pd
import pytest
import requests

from setup.rehearsal.callers import (
    CALLERS,
    REPORT_DELAY_DAYS,
    Caller,
    failures,
    make_callers,
    work_for_a_day,
)
from vehicle_price.api_keys import read_keys
from vehicle_price.settings import Settings

CARS = pd.DataFrame(
    {"year": range(2000, 2024), "manufacturer": "kia", "model": None, "asked": range(500, 524)}
)


class FakeAnswer:
    """An answer of the service."""

    def __init__(self, body, status_code=200):
        self.body, self.status_code, self.ok = body, status_code, status_code < 400

    def json(self):
        """Its content."""
        return self.body


class FakeSession:
    """Keeps what is sent. answer: to everything; an exception is raised."""

    def __init__(self, answer=None):
        self.sent, self.answer = [], answer or FakeAnswer({"prediction_id": "1"})

    def post(self, url, json, timeout):
        """Send a body."""
        assert timeout > 0
        self.sent.append((url, json))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(name="callers")
def _callers(monkeypatch):
    monkeypatch.setattr("setup.rehearsal.callers.REPORTED_SHARE", 1.0)
    return [Caller(FakeSession(), "http://s", random.Random(number)) for number in range(3)]


def work(callers):
    """A very short day."""
    return work_for_a_day(callers, CARS, time.time(), 0.01)


def test_every_car_is_asked_for_once_without_blanks_and_without_its_price(callers):
    work(callers)
    bodies = [body for caller in callers for _, body in caller.session.sent]
    assert sorted(body["year"] for body in bodies) == list(range(2000, 2024))
    assert all(set(body) == {"year", "manufacturer"} for body in bodies)
    assert all(len(caller.session.sent) == 8 for caller in callers)


def test_prices_are_reported_some_days_later_by_the_one_who_asked(callers):
    reported = [work(callers) for _ in range(REPORT_DELAY_DAYS + 1)]
    assert reported == [0] * REPORT_DELAY_DAYS + [24]
    reports = [body for url, body in callers[1].session.sent if url.endswith("/feedback")]
    assert sorted(report["price"] for report in reports) == list(range(501, 524, 3))


def test_what_was_not_answered_is_counted_by_route_and_reason():
    callers = [
        Caller(FakeSession(FakeAnswer({}, 503)), "http://s", random.Random(0)),
        Caller(FakeSession(requests.ConnectionError()), "http://s", random.Random(1)),
        Caller(FakeSession(), "http://s", random.Random(2)),
    ]
    work(callers)
    assert failures(callers) == {("/predict", "503"): 8, ("/predict", "ConnectionError"): 8}


def test_each_caller_has_a_key_of_its_own(tmp_path):
    settings = replace(Settings(), api_keys_file=str(tmp_path / "keys.json"))
    callers = make_callers(settings)
    assert len(callers) == len(read_keys(settings.api_keys_file)) == CALLERS
    assert len({caller.session.headers["X-API-Key"] for caller in callers}) == CALLERS
