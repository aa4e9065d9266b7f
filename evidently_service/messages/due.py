"""Which incidents a receiver has to be told of: pure rules.

A receiver is told once when an incident opens, again when it becomes a page, again while it stays
open for a long time, and once when it is resolved.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from vehicle_price.pipelines.run_incidents import DAG_RUN_FAILED
from vehicle_price.prediction_log.incidents import StoredIncident

SEVERITIES = ("info", "warn", "page")  # in rising order; "info" is only stored
# A window of data says the same for a day. The others are of processes, and wait for a person.
REPEAT_DATA, REPEAT_PROCESS = timedelta(hours=12), timedelta(hours=4)
OF_PROCESSES = ("monitoring_stale", "retraining_stopped", "retraining_undecided", DAG_RUN_FAILED)


class Kind(StrEnum):
    """Why a receiver is told of an incident."""

    OPENED = "opened"
    STILL_OPEN = "still open"
    RESOLVED = "resolved"


class Knowledge(NamedTuple):
    """What a receiver has been told of an incident. at: last. severity: the highest so far."""

    at: datetime
    severity: str
    resolved: bool

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {"at": self.at.isoformat(), "severity": self.severity, "resolved": self.resolved}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Knowledge":
        """What `to_json` gave."""
        return cls(datetime.fromisoformat(data["at"]), data["severity"], data["resolved"])


def knowledge(stored: StoredIncident) -> dict[str, Knowledge]:
    """Key of each receiver that has been told → what it knows."""
    told = stored.incident.details.get("told", {})
    return {key: Knowledge.from_json(data) for key, data in told.items()}


def due(stored: StoredIncident, known: Knowledge | None, now: datetime) -> Kind | None:
    """Why a receiver has to be told now; None if it has not.

    known: what it knows; None: it knows nothing yet, since it is new or was down.
    """
    severity = stored.incident.severity
    if severity == "info" and known is None:
        return None
    if stored.resolved_at is not None:
        return None if known and known.resolved else Kind.RESOLVED
    if known is None or SEVERITIES.index(severity) > SEVERITIES.index(known.severity):
        return Kind.OPENED
    return Kind.STILL_OPEN if now - known.at >= _repeat_after(stored.incident.rule) else None


def told_now(stored: StoredIncident, known: Knowledge | None, now: datetime) -> Knowledge:
    """What a receiver knows once it has been told."""
    severities = [stored.incident.severity, *([known.severity] if known else [])]
    highest = max(severities, key=SEVERITIES.index)
    return Knowledge(now, highest, stored.resolved_at is not None)


def _repeat_after(rule: str) -> timedelta:
    return REPEAT_PROCESS if rule in OF_PROCESSES else REPEAT_DATA
