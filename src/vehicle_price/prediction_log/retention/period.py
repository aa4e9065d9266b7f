"""For how long a prediction stays in PostgreSQL. The service and the archive follow one rule."""

from datetime import UTC, datetime, timedelta

from vehicle_price.prediction_log.ids import ticks_of
from vehicle_price.settings import Settings

TICKS_A_SECOND = 4096 * 1000


def prediction_period(settings: Settings) -> timedelta | None:
    """How long a prediction stays, and may get feedback; None: for ever.

    At least as long as monitoring counts feedback: MONITORING_HORIZON_WINDOWS and one window more.
    """
    if not settings.retention_predictions_days:
        return None
    windows = settings.monitoring_horizon_windows + 1
    counted = timedelta(seconds=windows * settings.monitoring_window_seconds)
    return max(timedelta(days=settings.retention_predictions_days), counted)


def archived_before(closed: datetime, complete: datetime, period: timedelta) -> datetime:
    """The first moment, a midnight in UTC, from which on predictions stay in the database.

    closed: the end of the last closed window. complete: the database has all predictions and
    feedback up to then. The service takes feedback on a prediction for `period`, so all that it has
    taken on older days is in the database.
    """
    moment = (min(closed, complete) - period).astimezone(UTC)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def is_over(prediction_id: str, now: datetime, period: timedelta | None) -> bool:
    """Whether a prediction is too old for feedback, by the time that its id begins with.

    >>> is_over("01938a7e-0000-7000-8000-123456789000", datetime.now(UTC), timedelta(days=30))
    True
    """
    if period is None:
        return False
    return now.timestamp() - ticks_of(prediction_id) / TICKS_A_SECOND > period.total_seconds()
