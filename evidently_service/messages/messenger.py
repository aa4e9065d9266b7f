"""Tell receivers of incidents, each once, however often a step is repeated."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from evidently_service.messages.due import Kind, Knowledge, due, knowledge, told_now
from evidently_service.messages.receivers import (
    Receiver,
    Receivers,
    parse_addresses,
    read_addresses,
    send,
)
from evidently_service.messages.text import Due, message_of
from vehicle_price.prediction_log import incidents as table
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.incidents import StoredIncident, Told
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

Known = dict[int, dict[str, Knowledge]]  # incident → receiver → what it knows


class Messenger:
    """Sends what is due. What has been told is in the incident's row, so a new process goes on.

    A message is marked right after it was sent. A process that is killed in between sends this one
    message to this one receiver again.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._file = Path(settings.alert_urls_file)
        self._text: str | None = None  # of the file, as it was read last
        self._receivers = Receivers((), ())
        self._reasons: dict[str, str] = {}  # receiver → why it did not take the last message

    def step(self, connection: Connection, now: datetime) -> int:
        """Send what is due to each receiver; the number of messages. Raises psycopg2's errors.

        A receiver that does not take a message gets all that is due to it in a later step.
        """
        self._read_receivers()
        if not self._receivers.found:
            return 0
        stored = table.incidents_to_tell(connection)
        known: Known = {one.incident_id: knowledge(one) for one in stored}
        return sum(self._tell(connection, r, stored, known, now) for r in self._receivers.found)

    def _tell(
        self,
        connection: Connection,
        receiver: Receiver,
        stored: Sequence[StoredIncident],
        known: Known,
        now: datetime,
    ) -> int:
        sent = 0
        for group in groups(stored, receiver.key, known, now):
            reason = send(receiver, message_of(group, self.settings))
            self._report(receiver, reason)
            if reason:
                break
            self._mark(connection, receiver, group, known, now)
            sent += 1
        return sent

    def _mark(
        self,
        connection: Connection,
        receiver: Receiver,
        group: Sequence[Due],
        known: Known,
        now: datetime,
    ) -> None:
        for one in group:
            of_incident = known[one.stored.incident_id]
            of_incident[receiver.key] = told_now(one.stored, of_incident.get(receiver.key), now)
        keys = [one.key for one in self._receivers.found]
        told = [_told(one.stored, known[one.stored.incident_id], keys) for one in group]
        table.record_told(connection, told)

    def _read_receivers(self) -> None:
        """Read the file again if it has changed, and log once what it lacks."""
        try:
            text = read_addresses(self._file)
        except (OSError, UnicodeDecodeError) as error:
            text = ""
            if self._text != text:
                log.warning("%s cannot be read: %s", self._file, error)
        if text == self._text:
            return
        self._text, self._receivers = text, parse_addresses(text, self._file)
        for problem in self._receivers.problems:
            log.warning("%s", problem)
        if names := [one.name for one in self._receivers.found]:
            log.info("incidents are sent to %s", ", ".join(names))
        else:
            log.info("no receiver in %s: incidents are only stored and logged", self._file)

    def _report(self, receiver: Receiver, reason: str) -> None:
        """Log once that a receiver takes no messages, and once that it takes them again."""
        if reason and reason != self._reasons.get(receiver.key):
            log.warning("%s takes no message: %s; it waits, nothing is lost", receiver.name, reason)
        elif not reason and self._reasons.get(receiver.key):
            log.info("%s takes messages again", receiver.name)
        self._reasons[receiver.key] = reason


def groups(
    stored: Sequence[StoredIncident],
    key: str,
    known: Mapping[int, Mapping[str, Knowledge]],
    now: datetime,
) -> list[list[Due]]:
    """What is due to the receiver `key`: the open incidents together, and the resolved ones."""
    found = [(one, due(one, known[one.incident_id].get(key), now)) for one in stored]
    every = [Due(one, kind) for one, kind in found if kind]
    every.sort(key=_is_resolved)
    return [list(group) for _, group in groupby(every, key=_is_resolved)]


def _is_resolved(one: Due) -> bool:
    return one.kind == Kind.RESOLVED


def _told(stored: StoredIncident, known: Mapping[str, Knowledge], receivers: Sequence[str]) -> Told:
    return Told(
        stored.incident_id,
        {key: one.to_json() for key, one in known.items()},
        all(key in known for key in receivers),
        all(key in known and known[key].resolved for key in receivers),
    )
