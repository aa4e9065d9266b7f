"""Errors as `application/problem+json` (RFC 9457): every error response has this form."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from service.environ import PROBLEM
from vehicle_price.listing.errors import FieldError, echo

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:vehicle-price:problem:"


class Problem(Exception):
    """A refusal that the client can act on.

    kind: last part of the problem's type URN, stable for programs.
    detail: what was wrong and what to do, for people.
    errors: the wrong values, if the problem is about values.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers = list(errors), dict(headers or {})


def content_of(problem: Problem) -> bytes:
    """`problem` as the JSON body of a response."""
    body: dict[str, object] = {
        "type": TYPE + problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [e._asdict() | {"value": echo(e.value)} for e in problem.errors]
    return json.dumps(body, allow_nan=False, ensure_ascii=False).encode() + b"\n"


def respond(problem: Problem) -> Response:
    """The HTTP answer for `problem`."""
    answer = Response(
        content_of(problem),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )
    request.environ[PROBLEM] = problem.kind  # counted by middleware.py
    return answer


def register_problems(app: Flask) -> None:
    """Let `app` answer its own errors and those of Flask and werkzeug as problems."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, _from_http)


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    kind = HTTPStatus(status).phrase.lower().replace(" ", "-")
    headers = {n: v for n, v in error.get_headers() if n in ("Allow", "Location", "Retry-After")}
    return respond(Problem(status, kind, error.description or kind, headers=headers))
