"""Windows of time: numbered, of equal length, in UTC. A window of 86,400 seconds is a day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
LEARNING_WINDOWS = 200  # that a reference may be learnt from
DECIDING_WINDOWS = 14  # the latest ones, whose results open incidents and start a retraining
DAYS = 2_000_000  # that dates can tell apart; windows of seconds have larger numbers


class Window(NamedTuple):
    """A window. start: the first moment in it; end: the first one after it."""

    number: int
    start: datetime
    end: datetime

    @property
    def day(self) -> date:
        """The day that the window is, or stands for in a rehearsal: seven make a week."""
        return date.fromordinal(EPOCH_ORDINAL + self.number % DAYS)


def window_at(moment: datetime, seconds: int) -> Window:
    """The window that holds a moment."""
    return numbered(int(moment.timestamp() // seconds), seconds)


def numbered(number: int, seconds: int) -> Window:
    """The window with this number."""
    start, end = (datetime.fromtimestamp(n * seconds, UTC) for n in (number, number + 1))
    return Window(number, start, end)


def closed_windows(
    since: datetime, complete_until: datetime, now: datetime, seconds: int, grace: int
) -> Iterator[Window]:
    """The windows from `since` on that may close: their time and the grace are over, and the
    database has every record up to their end."""
    window = window_at(since, seconds)
    while window.end <= complete_until and window.end.timestamp() + grace <= now.timestamp():
        yield window
        window = numbered(window.number + 1, seconds)
