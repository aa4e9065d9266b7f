"""GET /lineage/<prediction_id>: which model, run, data, code and request made a price."""

import re
import threading
from typing import Protocol

from flask import Blueprint, Response

from service.auth.access_rules import access
from service.http.problem import Problem
from service.outbox import codec
from service.outbox.outbox import Outbox
from service.outbox.records import Record
from service.routes.feedback import UUID
from service.routes.predict import as_json
from vehicle_price.prediction_log.ids import split_id
from vehicle_price.prediction_log.rows import as_lineage
from vehicle_price.settings import Settings

PATIENCE_SECONDS = 2.0
AT_ONCE = 4  # look-ups of one worker; more would only queue at the database


class LogAway(RuntimeError):
    """The prediction log cannot be read now."""


class LineageReader(Protocol):
    """Where predictions lie that have left the outbox; `LogReader` is one."""

    def find(self, prediction_id: str) -> dict[str, object] | None:
        """The prediction's lineage, None when it is not there. Raises LogAway."""


class LogReader:
    """Reads the log in PostgreSQL, with short patience and few connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def find(self, prediction_id: str) -> dict[str, object] | None:
        """The prediction's lineage, None when it is not there. Raises LogAway."""
        # Only here: a worker that is never asked needs no database driver.
        from vehicle_price.prediction_log.database import (
            DatabaseAway,
            address_of,
            connected,
            translated,
        )
        from vehicle_price.prediction_log.writer import lineage

        address = address_of(self._settings)
        # pylint: disable-next=consider-using-with  # which could not give up waiting
        if not self._places.acquire(timeout=PATIENCE_SECONDS):
            raise LogAway("too many look-ups wait for PostgreSQL")
        try:
            with connected(address, PATIENCE_SECONDS) as connection, translated(address):
                return lineage(connection, prediction_id)
        except DatabaseAway as error:
            raise LogAway(str(error)) from error
        finally:
            self._places.release()


def blueprint(outbox: Outbox, log: LineageReader) -> Blueprint:
    """The route about a prediction's origin."""
    routes = Blueprint("lineage", __name__)

    @routes.get("/lineage/<prediction_id>")
    @access("key")
    def lineage(prediction_id: str) -> Response:
        wanted = prediction_id.lower()
        found = _anywhere(outbox, log, wanted) if re.fullmatch(UUID, wanted) else None
        if found is None:
            raise Problem(404, "unknown-prediction", "no prediction with this id was answered")
        return as_json(found)

    return routes


def _anywhere(outbox: Outbox, log: LineageReader, wanted: str) -> dict[str, object] | None:
    """Where a prediction is: first in the outbox, then in the log."""
    try:
        return in_outbox(outbox, wanted) or log.find(wanted)
    except LogAway as error:
        detail = f"{error}; the prediction may be there: ask again later"
        raise Problem(503, "log-away", detail, headers={"Retry-After": "10"}) from error


def in_outbox(outbox: Outbox, wanted: str) -> dict[str, object] | None:
    """The lineage of a prediction that still waits in the outbox."""
    first_id, position = split_id(wanted)
    body = outbox.find(first_id, "prediction")
    if body is None:
        return None
    rows = codec.rows(Record(first_id, "prediction", body))
    if position >= len(rows.predictions):
        return None
    return as_lineage(rows.predictions[position], rows.models[0])
