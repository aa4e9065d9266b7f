"""WSGI middleware around the application: request ids and request metrics.

The middleware stands around Flask and not in Flask's hooks, which cost three times as much. Values
go into the WSGI environment (`environ.py`), where the access log reads them too.
"""

import os
import re
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from flask import Flask

from service.environ import PROBLEM, REQUEST_ID, ROUTE, STARTED
from service.observability.metrics import Metrics

VALID_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,99}")
Environ = dict[str, Any]


def add_middleware(app: Flask, metrics: Metrics) -> None:
    """Give every request to `app` an id and count its response."""
    inner = app.wsgi_app

    def measured(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = environ.get(STARTED) or perf_counter()
        environ[REQUEST_ID] = valid_request_id(environ.get("HTTP_X_REQUEST_ID"))

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            headers.append(("X-Request-ID", environ[REQUEST_ID]))
            _count(metrics, environ, int(status[:3]), perf_counter() - started)
            return start_response(status, headers, *error)

        return inner(environ, start)

    app.wsgi_app = measured  # type: ignore[method-assign] # as Flask's documentation has it


def valid_request_id(given: str | None) -> str:
    """`given` if it may stand in a log and a header, else a new id.

    >>> valid_request_id("order-17"), len(valid_request_id("two words"))
    ('order-17', 32)
    """
    return given if given and VALID_ID.fullmatch(given) else os.urandom(16).hex()


def _count(metrics: Metrics, environ: Environ, status: int, seconds: float) -> None:
    # An unknown address is no label: there are too many.
    metrics.answered(environ["REQUEST_METHOD"], environ.get(ROUTE, "none"), status, seconds)
    if PROBLEM in environ:
        metrics.refused(environ[PROBLEM])
