"""How far a source was read without a gap, so that the next reading can start there."""

from datetime import date, timedelta


def moved(mark: str, since: str, until: str, newest: str, today: str) -> str:
    """The mark after a complete reading of the days `since` to `until` ('' for open).

    mark: the last posting day read so far without a gap, '' for none. newest: the newest day that
    came ('' for none). A day after `today` is a seller's mistake and does not count.

    >>> moved("2021-04-05", "2021-04-06", "2021-04-06", "", "2026-11-22")
    '2021-04-06'
    >>> moved("2021-04-05", "2021-04-08", "2021-04-08", "2021-04-08", "2026-11-22")
    '2021-04-05'
    """
    reached = min(until or newest, today)
    left_out = bool(since) and (not mark or since > day_after(mark))
    return mark if left_out else max(mark, reached)


def day_after(day: str, number: int = 1) -> str:
    """The day `number` days later (earlier if it is negative).

    >>> day_after("2021-04-30"), day_after("2021-05-04", -7)
    ('2021-05-01', '2021-04-27')
    """
    return (date.fromisoformat(day) + timedelta(days=number)).isoformat()
