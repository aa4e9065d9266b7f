"""The fast path of POST /predict: a WSGI function in front of Flask.

Flask and werkzeug take longer for a request than validation and model together. So a JSON body of
known, small length is answered here, by the function that the view uses. All other requests go to
Flask. An error goes there too: the view raises it again, and the error handlers word the answer.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from service.auth.access_rules import rule_of
from service.auth.rate_limit import Limiter
from service.environ import FAILED, MODEL_VERSION, REQUEST_ID, ROUTE
from service.http.body import parse_json, read_exactly
from service.http.problem import Problem
from service.http.request_context import RequestContext
from service.inference.canary import MODEL_ERRORS
from service.inference.pricer import Pricer
from service.routes.predict import PATH, Answer, answer

MAX_BYTES = 65_536  # of a body; beside the work for a longer one, the time in Flask is small
# Requests with one of these need what only the Flask side does.
LEFT_TO_FLASK = ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_IDEMPOTENCY_KEY")
Environ = dict[str, Any]


def install_fast_path(app: Flask, pricer: Pricer, limiter: Limiter | None) -> None:
    """Answer ordinary requests before Flask, unless they need a key or count towards a limit."""
    if limiter is not None or rule_of(app, "pricing.predict") != "public":
        return
    inner = app.wsgi_app

    def fast_path(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not is_ordinary(environ):
            return inner(environ, start_response)
        environ[ROUTE] = PATH
        try:
            answered = _answer(pricer, environ)
        except (Problem, OSError, *MODEL_ERRORS) as error:
            environ[FAILED] = error
            return inner(environ, start_response)
        environ[MODEL_VERSION] = answered.model_version
        length = str(len(answered.body))
        headers = [("Content-Type", "application/json"), ("Content-Length", length)]
        start_response("200 OK", headers)
        return [answered.body]

    app.wsgi_app = fast_path  # type: ignore[method-assign] # as Flask's documentation has it


def is_ordinary(environ: Environ) -> bool:
    """Whether a request is a POST /predict with JSON of known, small length and nothing else."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ["PATH_INFO"] == PATH
        and environ["REQUEST_METHOD"] == "POST"
        and not environ.get("SCRIPT_NAME")
        and environ.get("CONTENT_TYPE") == "application/json"
        and length.isdecimal()
        and len(length) <= 5
        and 0 < int(length) <= MAX_BYTES
        and not any(name in environ for name in LEFT_TO_FLASK)
    )


def _answer(pricer: Pricer, environ: Environ) -> Answer:
    client = environ.get("HTTP_X_CLIENT_ID") or environ.get("REMOTE_ADDR") or ""
    body = parse_json(read_exactly(environ, int(environ["CONTENT_LENGTH"])))
    return answer(pricer, body, RequestContext(client, environ[REQUEST_ID]))
