"""Which results open an incident, resolve it, or keep it as it is."""

from datetime import UTC, datetime, timedelta

import pytest

from evidently_service.incident_rules import judged
from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log.monitoring_store import Result

START = datetime(2026, 3, 1, tzinfo=UTC)


def result(metric, status, verdict, day=0, channel="api"):
    """The result of a whole window."""
    start = START + timedelta(days=day)
    worst = [{"column": "odometer", "distance": 0.335, "threshold": 0.111}]
    details = {"verdict": verdict} | ({"worst": worst} if metric.startswith("drift") else {})
    end = start + timedelta(days=1)
    return Result(start, end, "", "", channel, metric, "", status, 0.4, 0.1, 0.3, 900, details)


def severity(*results):
    """The severity of the one incident; None where there is none."""
    (one,) = judged(results)
    return one.incident and one.incident.severity


@pytest.mark.parametrize(
    ("metric", "status", "verdict", "expected"),
    [
        ("drift_day", Status.SEVERE_DRIFT, Status.SEVERE_DRIFT, "page"),
        ("drift_day", Status.DRIFT, Status.DRIFT, "warn"),
        ("drift_week", Status.FEW_CALLERS, Status.SEVERE_DRIFT, "warn"),
        ("drift_week", Status.FEW_CALLERS, Status.OK, None),
        ("performance_bias", Status.DRIFT, Status.DRIFT, "page"),
        ("performance_bias", Status.FEW_CALLERS, Status.DRIFT, "warn"),
        ("performance_bias", Status.OK, Status.OK, None),
    ],
)
def test_the_severity_of_a_result(metric, status, verdict, expected):
    assert severity(result(metric, status, verdict)) == expected


@pytest.mark.parametrize("status", [Status.NOT_ENOUGH_DATA, Status.LEARNING])
def test_a_window_that_cannot_be_judged_neither_resolves_nor_hides_an_incident(status):
    assert not list(judged([result("drift_day", status, status)]))
    before = result("performance_bias", Status.DRIFT, Status.DRIFT)
    (one,) = judged([before, result("performance_bias", status, status, day=1)])
    assert one.incident and "2026-03-01" in one.incident.message


def test_a_figure_that_is_not_certainly_beyond_its_limit_neither_opens_nor_resolves():
    """The first feedback on a new window would resolve what more feedback opens again."""
    before = result("performance_median_ape", Status.DRIFT, Status.DRIFT)
    unsure = result("performance_median_ape", Status.OK, Status.OK, day=1)
    unsure = unsure._replace(details=unsure.details | {"beyond": True})
    assert not list(judged([before, unsure]))
    better = unsure._replace(details=unsure.details | {"beyond": False})
    (one,) = judged([before, better])
    assert one.incident is None


def test_the_latest_window_of_each_channel_counts():
    before = result("drift_day", Status.DRIFT, Status.DRIFT)
    after = result("drift_day", Status.OK, Status.OK, day=1)
    other = result("drift_day", Status.DRIFT, Status.DRIFT, channel="form")
    api, form = judged([before, other, after])
    assert api.incident is None and form.incident


def test_a_message_names_figure_limit_window_and_columns_and_says_what_to_do():
    (one,) = judged([result("drift_day", Status.DRIFT, Status.DRIFT)])
    message = one.incident.message
    for part in ("odometer 0.335 (limit 0.111)", "2026-03-01", "channel api", "Look at"):
        assert part in message
