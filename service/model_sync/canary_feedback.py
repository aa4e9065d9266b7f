"""Clients' feedback for the canary rule. Paused while PostgreSQL is unreachable."""

from collections.abc import Callable
from datetime import datetime

from service.model_sync.canary_rule import FeedbackErrors
from vehicle_price.prediction_log.errors import DatabaseUnavailable, InvalidRow
from vehicle_price.prediction_log.rows import VersionErrors
from vehicle_price.settings import Settings

READ_SECONDS = 30.0  # between two reads
TIMEOUT_SECONDS = 3.0


class FeedbackReader:
    """Reads the prediction log every READ_SECONDS, and keeps the rows in between.

    read: (since) → the rows since then. Raises DatabaseUnavailable.
    paused: the reason while feedback cannot be read, else "".
    """

    def __init__(self, read: Callable[[datetime], list[VersionErrors]]) -> None:
        self._read = read
        self._read_at, self._canary_run = -READ_SECONDS, ""
        self._rows: list[VersionErrors] = []
        self.paused = ""

    def pair(
        self, canary_run: str, production_run: str, since: str, clock: float
    ) -> tuple[FeedbackErrors, FeedbackErrors] | None:
        """The errors of canary and production since the canary serves; None when unknown."""
        if clock - self._read_at >= READ_SECONDS or canary_run != self._canary_run:
            self._read_at, self._canary_run, self._rows = clock, canary_run, []
            self._refresh(since)
        canary = [r for r in self._rows if (r.role, r.run_id) == ("canary", canary_run)]
        production = [r for r in self._rows if (r.role, r.run_id) == ("production", production_run)]
        if not canary or not production:
            return None
        return _feedback_errors(canary[0]), _feedback_errors(production[0])

    def _refresh(self, since: str) -> None:
        try:
            self._rows, self.paused = self._read(datetime.fromisoformat(since)), ""
        except DatabaseUnavailable as error:
            self.paused = f"feedback is not judged: {error}"


def read_errors(settings: Settings, since: datetime) -> list[VersionErrors]:
    """Each version's errors by clients' feedback since then. Raises DatabaseUnavailable."""
    # Imported here: tests and a model_sync without canary need no database driver.
    from vehicle_price.prediction_log.database import address_of, connected, translated
    from vehicle_price.prediction_log.performance import errors_by_version

    address = address_of(settings)
    try:
        with connected(address, TIMEOUT_SECONDS) as connection, translated(address):
            return errors_by_version(connection, since)
    except InvalidRow as error:
        raise DatabaseUnavailable(str(error)) from error


def _feedback_errors(row: VersionErrors) -> FeedbackErrors:
    return FeedbackErrors(row.feedback, row.median_ape or 0.0)
