"""Clients' feedback for the canary rule. Paused while PostgreSQL is unreachable."""

from collections.abc import Callable
from datetime import datetime

from vehicle_price.monitoring.canary import CanaryFeedback
from vehicle_price.prediction_log.errors import DatabaseUnavailable, InvalidRow
from vehicle_price.settings import Settings

READ_SECONDS = 30.0  # between two reads
TIMEOUT_SECONDS = 3.0

# (since, run of the canary, run of production) → the reports since then
Read = Callable[[datetime, str, str], CanaryFeedback]


class FeedbackReader:
    """Reads the prediction log every READ_SECONDS, and keeps the counts in between.

    read: raises DatabaseUnavailable. paused: the reason while feedback cannot be read, else "".
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._read_at, self._runs = -READ_SECONDS, ("", "")
        self._counts: CanaryFeedback | None = None
        self.paused = ""

    def counts(
        self, canary_run: str, production_run: str, since: str, clock: float
    ) -> CanaryFeedback | None:
        """The reports since the canary serves; None when unknown."""
        runs = canary_run, production_run
        if clock - self._read_at >= READ_SECONDS or runs != self._runs:
            self._read_at, self._runs, self._counts = clock, runs, None
            try:
                self._counts, self.paused = self._read(datetime.fromisoformat(since), *runs), ""
            except DatabaseUnavailable as error:
                self.paused = f"feedback is not judged: {error}"
        return self._counts


def read_feedback(
    settings: Settings, since: datetime, canary_run: str, production_run: str
) -> CanaryFeedback:
    """Clients' reports since then, from the prediction log. Raises DatabaseUnavailable."""
    # Imported here: tests and a model_sync without canary need no database driver.
    from vehicle_price.prediction_log.database import address_of, connected, translated
    from vehicle_price.prediction_log.performance import read_canary_feedback

    address = address_of(settings)
    try:
        with connected(address, TIMEOUT_SECONDS) as connection, translated(address):
            return read_canary_feedback(connection, since, canary_run, production_run)
    except InvalidRow as error:
        raise DatabaseUnavailable(str(error)) from error
