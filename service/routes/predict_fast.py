"""POST /predict straight from WSGI: the usual request goes past Flask.

Flask's and werkzeug's part of a request takes longer than the checks and the price together. So
plain JSON of a known and small length is answered here, by the functions that the view uses. What
is unusual is left to Flask, and so is what goes wrong: the view raises again what was raised here,
and the error handlers word it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from service.auth.access_rules import rule_of
from service.auth.rate_limit import Limiter
from service.environ import FAILED, REQUEST_ID, ROUTE
from service.http.body import parsed, read_known
from service.http.problem import Problem
from service.inference.canary import MODEL_ERRORS
from service.outbox.codec import Asked
from service.routes.predict import PATH, Pricer, reply_to

LONGEST = 65_536  # bytes of a body; with more, what Flask costs is little beside the rest
# Flask's side knows what to do with these.
UNUSUAL = ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_IDEMPOTENCY_KEY")
Environ = dict[str, Any]


def answer_straight(app: Flask, pricer: Pricer, limiter: Limiter | None) -> None:
    """Let `app` price past Flask where nothing has to be asked first: no key, no limit."""
    if limiter is not None or rule_of(app, "pricing.predict") != "public":
        return
    inner = app.wsgi_app

    def straight(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not is_usual(environ):
            return inner(environ, start_response)
        environ[ROUTE] = PATH
        try:
            body = _answer(pricer, environ)
        except (Problem, OSError, *MODEL_ERRORS) as error:
            environ[FAILED] = error
            return inner(environ, start_response)
        about = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", about)
        return [body]

    app.wsgi_app = straight  # type: ignore[method-assign] # as Flask's documentation has it


def is_usual(environ: Environ) -> bool:
    """Whether a request is a plain one: POST /predict with JSON of a known, small length."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ["PATH_INFO"] == PATH
        and environ["REQUEST_METHOD"] == "POST"
        and not environ.get("SCRIPT_NAME")
        and environ.get("CONTENT_TYPE") == "application/json"
        and length.isdecimal()
        and len(length) <= 5
        and 0 < int(length) <= LONGEST
        and not any(name in environ for name in UNUSUAL)
    )


def _answer(pricer: Pricer, environ: Environ) -> bytes:
    client = environ.get("HTTP_X_CLIENT_ID") or environ.get("REMOTE_ADDR") or ""
    asked = Asked(client, environ[REQUEST_ID], None, environ)
    listings = parsed(read_known(environ, int(environ["CONTENT_LENGTH"])))
    reply = reply_to(pricer, listings, asked)
    pricer.outbox.append(reply.record)
    return reply.body
