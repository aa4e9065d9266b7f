"""When a receiver is told of an incident, and when it is not told again."""

from datetime import UTC, datetime, timedelta

import pytest

from evidently_service.messages.due import Kind, Knowledge, due, knowledge, told_now
from evidently_service.messages.messenger import groups
from vehicle_price.prediction_log.incidents import Incident, StoredIncident

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def incident(severity="page", rule="drift_day", resolved_at=None, told=None, number=1):
    """An incident of the table."""
    details = {"told": told} if told else {}
    one = Incident(rule, "api", severity, "odometer 0.3", details)
    return StoredIncident(one, number, NOW - HOUR, resolved_at)


def known(severity="page", hours_ago=1, resolved=False):
    """What a receiver was told."""
    return Knowledge(NOW - hours_ago * HOUR, severity, resolved)


def test_a_new_incident_is_told_once():
    assert due(incident(), None, NOW) == Kind.OPENED
    assert due(incident(), told_now(incident(), None, NOW), NOW + HOUR) is None


def test_an_info_is_only_stored():
    assert due(incident("info"), None, NOW) is None
    assert due(incident("info", resolved_at=NOW), None, NOW) is None


def test_a_warning_that_becomes_a_page_is_told_again_and_once():
    page = incident("page")
    assert due(page, known("warn"), NOW) == Kind.OPENED
    falls_again = incident("warn")
    assert due(falls_again, told_now(page, known("warn"), NOW), NOW) is None
    assert due(page, told_now(falls_again, known("page"), NOW), NOW) is None


@pytest.mark.parametrize(
    ("rule", "hours", "expected"),
    [
        ("drift_day", 11.9, None),
        ("drift_day", 12, Kind.STILL_OPEN),
        ("monitoring_stale", 3.9, None),
        ("monitoring_stale", 4, Kind.STILL_OPEN),
        ("retraining_stopped", 4, Kind.STILL_OPEN),
        ("dag_run_failed", 4, Kind.STILL_OPEN),
    ],
)
def test_an_incident_that_stays_open_is_told_again(rule, hours, expected):
    assert due(incident(rule=rule), known(hours_ago=hours), NOW) == expected


def test_a_resolved_incident_is_told_once_also_to_whom_its_opening_never_reached():
    resolved = incident(resolved_at=NOW)
    for before in (known(), None):
        assert due(resolved, before, NOW) == Kind.RESOLVED
        assert due(resolved, told_now(resolved, before, NOW), NOW + 100 * HOUR) is None


def test_what_a_receiver_knows_survives_its_json():
    stored = incident(told={"a": known().to_json()})
    assert knowledge(stored) == {"a": known()}


def test_what_is_due_goes_in_one_message_for_open_and_one_for_resolved_incidents():
    stored = [incident(number=1), incident(number=2, resolved_at=NOW), incident("warn", number=3)]
    knows = {1: {}, 2: {"a": known()}, 3: {"b": known("warn")}}
    found = groups(stored, "a", knows, NOW)
    assert [[one.stored.incident_id for one in group] for group in found] == [[1, 3], [2]]
    assert [[o.stored.incident_id for o in g] for g in groups(stored, "b", knows, NOW)] == [
        [1],
        [2],
    ]
