"""A message says what, since when, what to do, and where to look."""

from datetime import UTC, datetime

from evidently_service.messages.due import Kind
from evidently_service.messages.text import Due, message_of, trial_message
from vehicle_price.prediction_log.incidents import Incident, StoredIncident
from vehicle_price.settings import Settings

OPENED = datetime(2026, 3, 2, 0, 10, tzinfo=UTC)
SETTINGS = Settings.from_environment({"EVIDENTLY_PORT": "8123", "STREAMLIT_URL": "https://prices"})


def due(kind=Kind.OPENED, severity="page", resolved_at=None, rule="drift_day", snapshot=None):
    """An incident to be told of."""
    details = {"snapshot": snapshot}
    text = "odometer 0.335 (limit 0.111). Look at these columns"
    incident = Incident(rule, "api", severity, text, details)
    return Due(StoredIncident(incident, 1, OPENED, resolved_at), kind)


def test_one_incident_is_named_in_the_title_and_told_with_its_links():
    message = message_of([due(snapshot="/projects/p/reports/r")], SETTINGS)
    assert message.title == "Vehicle price, page: drift_day (api)"
    for part in (
        "open since 2026-03-02 00:10:00 UTC",
        "odometer 0.335 (limit 0.111). Look at",
        "http://127.0.0.1:8123/projects/p/reports/r",
        "Monitoring: https://prices/Monitoring\n",
        "http://127.0.0.1:5001",
        "http://127.0.0.1:8080",
    ):
        assert part in message.body


def test_several_incidents_are_one_message_with_the_worst_severity():
    message = message_of([due(severity="warn"), due(rule="performance_bias")], SETTINGS)
    assert message.title == "Vehicle price, page: 2 incidents"
    assert message.severity == "page"
    assert "drift_day (api), warn" in message.body and "performance_bias (api)" in message.body


def test_a_resolved_incident_says_from_when_to_when_and_what_it_was():
    resolved_at = datetime(2026, 3, 3, 0, 10, tzinfo=UTC)
    message = message_of([due(Kind.RESOLVED, resolved_at=resolved_at)], SETTINGS)
    assert message.severity == "resolved" and "resolved: drift_day" in message.title
    assert "resolved at 2026-03-03 00:10:00 UTC, was open since 2026-03-02" in message.body
    assert "odometer 0.335" in message.body


def test_a_repeated_message_says_so():
    assert "still open since" in message_of([due(Kind.STILL_OPEN)], SETTINGS).body


def test_a_trial_message_is_no_alarm():
    assert trial_message(SETTINGS).severity == "resolved"
