"""GET /monitoring: drift, performance, incidents and retrainings of the last closed windows."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, get_args

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from service.auth.access_rules import access
from service.http.problem import Problem
from service.http.responses import json_response
from service.routes.log_connections import LogConnections
from vehicle_price.airflow_client import DAG_ID
from vehicle_price.listing.errors import FieldError, WrongValues, pointer_part
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.report.scope import MAX_WINDOWS, MIN_WINDOWS, Scope
from vehicle_price.prediction_log.rows import Channel
from vehicle_price.settings import Settings

MAX_REPORTS = 2  # of one worker at a time
CHANNELS: tuple[str, ...] = get_args(Channel)
VERSION = "[1-9][0-9]{0,8}"  # as MLflow numbers versions
WINDOWS = re.compile("[1-9][0-9]{0,5}")


class MonitoringReader(Protocol):
    """Reads what monitoring has stored; `ReportReader` does so in PostgreSQL."""

    def read(self, scope: Scope) -> Mapping[str, Any]:
        """The report. Raises DatabaseUnavailable."""


class ReportReader:
    """Reads the report in PostgreSQL, with a short time-out and few connections."""

    def __init__(self, settings: Settings) -> None:
        self._connections = LogConnections(settings, MAX_REPORTS)

    def read(self, scope: Scope) -> Mapping[str, Any]:
        """The report. Raises DatabaseUnavailable."""
        # Imported here: a worker without look-ups needs no database driver.
        from vehicle_price.prediction_log.report.document import read_report

        with self._connections.connected() as connection:
            return read_report(connection, scope)


def blueprint(reader: MonitoringReader) -> Blueprint:
    """The route about what monitoring has found."""
    routes = Blueprint("monitoring", __name__)

    @routes.get("/monitoring")
    @access("monitoring")
    def monitoring() -> Response:
        scope = scope_of(request.args)
        try:
            report = reader.read(scope)
        except DatabaseUnavailable as error:
            detail = f"the prediction log does not answer: {error}; ask again later"
            raise Problem(503, "log-away", detail, headers={"Retry-After": "10"}) from error
        response = json_response({**report, "dag_id": DAG_ID})
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def scope_of(arguments: MultiDict[str, str]) -> Scope:
    """What the query asks for. Raises WrongValues that names each wrong parameter and its limit."""
    errors = [error for name in arguments for error in _errors(name, arguments.getlist(name))]
    if errors:
        raise WrongValues(errors)
    given: dict[str, Any] = {name: PARSERS[name](text) for name, text in arguments.items()}
    return Scope(**given)


def _errors(name: str, values: list[str]) -> list[FieldError]:
    if name not in PARSERS:
        detail = f"is unknown; known are {', '.join(PARSERS)}"
    elif len(values) > 1:
        detail = "is given more than once"
    else:
        detail = _refusal(name, values[0])
    return [FieldError(pointer_part(name), detail, values[0])] if detail else []


def _refusal(name: str, text: str) -> str:
    """Why a value is refused; '' if it is not."""
    try:
        PARSERS[name](text)
    except ValueError as error:
        return str(error)
    return ""


def _channel(text: str) -> str:
    if text not in CHANNELS:
        raise ValueError(f"is no channel; known are {', '.join(CHANNELS)}")
    return text


def _version(text: str) -> str:
    if not re.fullmatch(VERSION, text):
        raise ValueError("is no version of a model: a whole number from 1 to 999999999")
    return text


def _windows(text: str) -> int:
    if not WINDOWS.fullmatch(text) or not MIN_WINDOWS <= int(text) <= MAX_WINDOWS:
        raise ValueError(f"is no whole number from {MIN_WINDOWS} to {MAX_WINDOWS}")
    return int(text)


PARSERS: Mapping[str, Callable[[str], object]] = {
    "channel": _channel,
    "version": _version,
    "windows": _windows,
}
