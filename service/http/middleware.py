"""What is noted of every request: its id, how long it took, and which model answered.

It is noted in the WSGI environment, where Gunicorn's access log finds it as well. All this stands
around Flask and not in its hooks: it costs a third of that there.
"""

import os
import re
from collections.abc import Callable, Iterable, MutableMapping
from time import perf_counter
from typing import Any

from flask import Flask, request

from service.environ import MODEL_VERSION, PROBLEM, REQUEST_ID, ROUTE
from service.http.body import discard_rest
from service.observability.metrics import Metrics

SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,99}")
Environ = dict[str, Any]


def request_id() -> str:
    """The id of the request that is being answered: the client's, if it sent a sane one."""
    return request.environ[REQUEST_ID]


def note_version(version: str, environ: MutableMapping[str, Any] | None = None) -> None:
    """Let the access log name the model version that answers the request of `environ`; by
    default the one that Flask is at."""
    (request.environ if environ is None else environ)[MODEL_VERSION] = version


def observe(app: Flask, metrics: Metrics) -> None:
    """Give every request to `app` an id and count its answer."""
    inner = app.wsgi_app

    def observed(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = perf_counter()
        environ[REQUEST_ID] = sane_id(environ.get("HTTP_X_REQUEST_ID"))

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            headers.append(("X-Request-ID", environ[REQUEST_ID]))
            if any(name == "Content-Length" for name, _ in headers):  # else the view still reads
                discard_rest(environ)
            _count(metrics, environ, int(status[:3]), perf_counter() - started)
            return start_response(status, headers, *error)

        return inner(environ, start)

    app.wsgi_app = observed  # type: ignore[method-assign] # as Flask's documentation has it


def _count(metrics: Metrics, environ: Environ, status: int, seconds: float) -> None:
    # An unknown address is no label: there are too many.
    metrics.answered(environ["REQUEST_METHOD"], environ.get(ROUTE, "none"), status, seconds)
    if PROBLEM in environ:
        metrics.refused(environ[PROBLEM])


def sane_id(given: str | None) -> str:
    """`given` if it may stand in a log and a header, else a new id.

    >>> sane_id("order-17"), len(sane_id("two words"))
    ('order-17', 32)
    """
    return given if given and SANE_ID.fullmatch(given) else os.urandom(16).hex()
