"""Windows are numbered, of equal length, and close when time is over and nothing is missing."""

from datetime import UTC, date, datetime, timedelta

from evidently_service.windows import closed_windows, numbered, window_at

DAY, GRACE = 86_400, 600
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def closed(since, complete_until, now):
    """The starts of the windows that may close."""
    found = closed_windows(since, complete_until, now, DAY, GRACE)
    return [window.start for window in found]


def test_a_window_of_a_day_is_that_day():
    window = window_at(MIDNIGHT + timedelta(hours=23), DAY)
    assert (window.start, window.end) == (MIDNIGHT, MIDNIGHT + timedelta(days=1))
    assert window.day == date(2026, 3, 1)


def test_short_windows_are_consecutive_days_to_the_statistics():
    first = window_at(MIDNIGHT, 5)
    second = numbered(first.number + 1, 5)
    assert second.start == first.end and second.day - first.day == timedelta(days=1)


def test_a_window_waits_for_its_grace_and_for_the_last_outbox():
    end = MIDNIGHT + timedelta(days=1)
    grace = timedelta(seconds=GRACE)
    assert closed(MIDNIGHT, end, end + grace) == [MIDNIGHT]
    assert not closed(MIDNIGHT, end, end + grace - timedelta(seconds=1))
    assert not closed(MIDNIGHT, end - timedelta(seconds=1), end + 3 * grace)


def test_all_windows_that_were_missed_close_in_order():
    later = MIDNIGHT + timedelta(days=3, hours=1)
    assert closed(MIDNIGHT, later, later) == [MIDNIGHT + timedelta(days=n) for n in range(3)]
