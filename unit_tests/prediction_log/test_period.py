"""For how long a prediction stays: the service and the archive must agree to the second."""

from datetime import UTC, datetime, timedelta

import pytest

from vehicle_price.prediction_log.ids import new_id
from vehicle_price.prediction_log.retention.period import (
    archived_before,
    is_over,
    prediction_period,
)
from vehicle_price.settings import Settings

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "horizon", "expected"), [(365, 30, 365), (10, 30, 31), (31, 30, 31), (32, 30, 32)]
)
def test_predictions_stay_at_least_as_long_as_monitoring_counts_feedback(days, horizon, expected):
    settings = Settings(retention_predictions_days=days, monitoring_horizon_windows=horizon)
    assert prediction_period(settings) == timedelta(days=expected)


def test_no_days_are_for_ever():
    assert prediction_period(Settings(retention_predictions_days=0)) is None
    assert not is_over("00000000-0000-7000-8000-000000000000", NOON, None)


def test_a_number_of_days_is_not_negative():
    with pytest.raises(ValueError, match="RETENTION_RESULTS_DAYS.*0 or more"):
        Settings.from_environment({"RETENTION_RESULTS_DAYS": "-1"})


@pytest.mark.parametrize(
    ("closed", "complete"),
    [(NOON, NOON + timedelta(days=3)), (NOON + timedelta(days=3), NOON)],
)
def test_whole_days_are_archived_once_all_feedback_on_them_is_there(closed, complete):
    before = archived_before(closed, complete, timedelta(days=2))
    assert before == datetime(2026, 3, 8, tzinfo=UTC)


def test_the_service_takes_no_feedback_on_a_prediction_that_may_be_archived():
    """Feedback that was taken is in the database when its day is archived, whatever the moment."""
    period, prediction_id = timedelta(days=2), new_id()
    made = datetime.now(UTC)
    assert not is_over(prediction_id, made + period - timedelta(seconds=1), period)
    assert is_over(prediction_id, made + period + timedelta(seconds=1), period)
    last_taken = made + period
    for complete in (last_taken + timedelta(hours=hours) for hours in range(-30, 30)):
        is_archived = made < archived_before(complete, complete, period)
        assert not is_archived or complete > last_taken
