"""Who may call a route. Every route names its rule; one without a rule answers 403."""

import hmac
from collections.abc import Callable
from typing import Literal, TypeVar

from flask import Flask, Request, current_app, request

from service.problem import Problem

Rule = Literal["public", "key"]
View = TypeVar("View", bound=Callable[..., object])
ATTRIBUTE = "access_rule"


def access(rule: Rule) -> Callable[[View], View]:
    """Mark a view: `public` for everybody, `key` for those who send the API key."""

    def mark(view: View) -> View:
        setattr(view, ATTRIBUTE, rule)
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of the view at `endpoint`, or None if it was given none."""
    return getattr(app.view_functions[endpoint], ATTRIBUTE, None)


def guard(app: Flask, api_key: str) -> None:
    """Check the rule of every request to `app` before its view runs."""
    if not api_key:
        raise ValueError("api_key is empty: anybody could call the routes that need a key")

    @app.before_request
    def _check() -> None:
        if request.endpoint is None:
            return  # no such route: answered by 404 or 405
        rule = rule_of(current_app, request.endpoint)
        if rule == "key":
            _require_key(request, api_key)
        elif rule != "public":
            raise Problem(403, "no-rule", "this route has no access rule, so nobody may call it")


def _require_key(incoming: Request, api_key: str) -> None:
    given = _given_key(incoming)
    if not given:
        detail = "send the API key as X-API-Key: <key> or Authorization: Bearer <key>"
        raise Problem(401, "no-key", detail, headers={"WWW-Authenticate": "Bearer"})
    if not hmac.compare_digest(given.encode(), api_key.encode()):
        raise Problem(403, "wrong-key", "this is not the API key; API_KEY_FILE holds it")


def _given_key(incoming: Request) -> str:
    scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return incoming.headers.get("X-API-Key", "") or bearer
