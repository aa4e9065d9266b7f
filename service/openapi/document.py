"""The OpenAPI 3.1 document: the URL map, the access rules and `operations.py` put together."""

import re
from http import HTTPStatus
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from service.auth.access_rules import Rule as Access
from service.auth.access_rules import rule_of
from service.http.problem import MEDIA_TYPE
from service.openapi.operations import OPERATIONS, Bodies, Operation
from service.openapi.schemas import components
from service.openapi.shapes import Schema, ref

ALWAYS = (400, 429, 431)  # a broken request, the rate limit, headers too large
BY_RULE: dict[Access, tuple[int, ...]] = {
    "key": (401, 403),
    "admin": (401, 403),
    "monitoring": (401, 403),
    "signed": (401,),
}
SECURITY: dict[Access, list[Schema]] = {
    "public": [],
    "key": [{"key": []}, {"bearer": []}],
    "admin": [{"admin": []}],
    "monitoring": [{"monitoring": []}, {"monitoring_bearer": []}],
    "signed": [{"signature": []}],
}
SCHEMES: dict[str, Schema] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key as a token."},
    "admin": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An admin's key.",
    },
    "monitoring": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key for monitoring, or an admin's key.",
    },
    "monitoring_bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key for monitoring as a token.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-MLflow-Signature",
        "description": "HMAC-SHA256 of delivery id, timestamp and body.",
    },
}
MEANINGS = {
    400: "The request is not HTTP, or its body is not JSON.",
    401: "There is no key, or no signature.",
    403: "The key or the signature is wrong, or may not do this.",
    404: "There is no such thing.",
    409: "It is in conflict with what was sent before.",
    410: "The prediction is older than the time for which predictions are kept at hand.",
    413: "The body is too large.",
    415: "The body has the wrong type.",
    422: "The content is wrong; its errors name each value.",
    429: "Too many requests; Retry-After says when to come back. Only where RATE_LIMIT is set.",
    431: "The headers are too large.",
    503: "It cannot be answered now; its detail says why.",
}
DESCRIPTION = (
    "Prices of used cars. Every error is `application/problem+json` (RFC 9457). "
    "`x-access` says who may call a route: public, key, admin, monitoring or signed."
)


def document(app: Flask, version: str = "1") -> Schema:
    """The whole document: the routes that are there and described, in the table's order."""
    views = {(method, rule.rule): rule.endpoint for method, rule in routes_of(app)}
    paths: dict[str, dict[str, Schema]] = {}
    for (method, rule), operation in OPERATIONS.items():
        if endpoint := views.get((method, rule)):
            described = _operation(operation, rule_of(app, endpoint), endpoint)
            paths.setdefault(path_of(rule), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vehicle price", "version": version, "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": components(), "securitySchemes": SCHEMES},
    }


def routes_of(app: Flask) -> list[tuple[str, Rule]]:
    """Each method of each route. HEAD is answered wherever GET is, and goes without saying."""
    rules = app.url_map.iter_rules()
    return [(method, rule) for rule in rules for method in sorted(rule.methods - {"HEAD"})]


def path_of(rule: str) -> str:
    """A Flask rule as OpenAPI writes it.

    >>> path_of("/static/<path:name>")
    '/static/{name}'
    """
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _operation(operation: Operation, access: Access | None, endpoint: str) -> Schema:
    problems = {*operation.problems, *ALWAYS, *BY_RULE.get(access or "public", ())}
    answers = {s: _content(HTTPStatus(s).phrase, b) for s, b in operation.answers.items()}
    for status in problems:
        answer = answers.setdefault(status, {"description": MEANINGS[status], "content": {}})
        answer["content"][MEDIA_TYPE] = {"schema": ref("Problem")}
    described: dict[str, Any] = {
        "operationId": endpoint.rpartition(".")[2],
        "summary": operation.summary,
        "x-access": access,
        "security": SECURITY.get(access or "public", []),
        "responses": {str(status): answers[status] for status in sorted(answers)},
    }
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.takes:
        body = _content("", operation.takes)["content"]
        described["requestBody"] = {"required": operation.needed, "content": body}
    return described


def _content(explained: str, bodies: Bodies) -> Schema:
    content = {media: {"schema": schema} for media, schema in bodies.items()}
    return {"description": explained, "content": content}
