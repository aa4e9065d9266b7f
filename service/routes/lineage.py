"""GET /lineage/<prediction_id>: which model, run, data, code and request made a price."""

import re
from typing import Protocol

from flask import Blueprint, Response

from service.auth.access_rules import access
from service.http.problem import Problem
from service.http.responses import json_response
from service.outbox import codec
from service.outbox.outbox import Outbox
from service.outbox.records import Record
from service.routes.feedback import UUID
from service.routes.log_connections import LogConnections
from vehicle_price.prediction_log.errors import DatabaseUnavailable, PredictionArchived
from vehicle_price.prediction_log.ids import split_id
from vehicle_price.prediction_log.lineage import as_lineage
from vehicle_price.settings import Settings

MAX_LOOKUPS = 4  # of one worker at a time


class LineageReader(Protocol):
    """Finds predictions that have left the outbox; `LogReader` does so in PostgreSQL."""

    def find(self, prediction_id: str) -> dict[str, object] | None:
        """The prediction's lineage, None when it is not there.

        Raises PredictionArchived, DatabaseUnavailable.
        """


class LogReader:
    """Reads the prediction log in PostgreSQL, with a short time-out and few connections."""

    def __init__(self, settings: Settings) -> None:
        self._connections = LogConnections(settings, MAX_LOOKUPS)

    def find(self, prediction_id: str) -> dict[str, object] | None:
        """See LineageReader."""
        # Imported here: a worker without look-ups needs no database driver.
        from vehicle_price.prediction_log.lineage import find_lineage

        with self._connections.connected() as connection:
            return find_lineage(connection, prediction_id)


def blueprint(outbox: Outbox, log: LineageReader) -> Blueprint:
    """The route about a prediction's origin."""
    routes = Blueprint("lineage", __name__)

    @routes.get("/lineage/<prediction_id>")
    @access("key")
    def lineage(prediction_id: str) -> Response:
        lowered = prediction_id.lower()
        origin = _find(outbox, log, lowered) if re.fullmatch(UUID, lowered) else None
        if origin is None:
            raise Problem(404, "unknown-prediction", "no prediction with this id was answered")
        response = json_response(origin)
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _find(outbox: Outbox, log: LineageReader, prediction_id: str) -> dict[str, object] | None:
    """The prediction's lineage from the outbox, or else from the prediction log."""
    try:
        return find_in_outbox(outbox, prediction_id) or log.find(prediction_id)
    except PredictionArchived as error:
        raise Problem(410, "prediction-archived", _where(error)) from error
    except DatabaseUnavailable as error:
        detail = f"{error}; the prediction may be there: ask again later"
        raise Problem(503, "log-away", detail, headers={"Retry-After": "10"}) from error


def _where(archived: PredictionArchived) -> str:
    files = " or ".join(f"archive/{file}" for file in archived.files)
    return f"predictions of that time are in the archive below DATA_ROOT: {files}"


def find_in_outbox(outbox: Outbox, prediction_id: str) -> dict[str, object] | None:
    """The lineage of a prediction that still waits in the outbox."""
    first_id, position = split_id(prediction_id)
    body = outbox.find(first_id, "prediction")
    if body is None:
        return None
    rows = codec.rows_of(Record(first_id, "prediction", body))
    if position >= len(rows.predictions):
        return None
    return as_lineage(rows.predictions[position], rows.models[0])
