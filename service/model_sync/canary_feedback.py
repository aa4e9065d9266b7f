"""What clients reported later, for the rule about canaries. Paused while PostgreSQL is away."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from service.inference.canary import Feedback

ASK_SECONDS = 30.0
PATIENCE_SECONDS = 3.0


class Row(NamedTuple):
    """Errors of one version in one role, as `vehicle_price.prediction_log.writer.VersionErrors`."""

    role: str
    run_id: str
    feedback: int
    median_ape: float | None


class Away(RuntimeError):
    """The prediction log cannot be asked."""


class FeedbackReader:
    """Asks the prediction log now and then, and remembers the answer in between.

    read: (since) → the rows since then. Raises Away.
    """

    def __init__(self, read: Callable[[datetime], list[Row]]) -> None:
        self._read = read
        self._asked, self._canary = -ASK_SECONDS, ""
        self._rows: list[Row] = []
        self.paused = ""

    def pair(
        self, canary_run: str, production_run: str, since: str, clock: float
    ) -> tuple[Feedback, Feedback] | None:
        """The canary's errors and production's since the canary came; None when unknown."""
        if clock - self._asked >= ASK_SECONDS or canary_run != self._canary:
            self._asked, self._canary, self._rows = clock, canary_run, []
            self._ask(since)
        canary = [r for r in self._rows if (r.role, r.run_id) == ("canary", canary_run)]
        others = [r for r in self._rows if (r.role, r.run_id) == ("production", production_run)]
        if not canary or not others:
            return None
        return _feedback(canary[0]), _feedback(others[0])

    def _ask(self, since: str) -> None:
        try:
            self._rows, self.paused = self._read(datetime.fromisoformat(since)), ""
        except Away as error:
            self.paused = f"feedback is not judged: {error}"


def _feedback(row: Row) -> Feedback:
    return Feedback(row.feedback, row.median_ape or 0.0)
