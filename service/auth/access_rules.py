"""Who may call a route. Every route names its rule; one without a rule answers 403.

public: everybody. key: those who send an API key. admin: those who send an admin's key.
signed: the view itself checks the signature of the body.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

from flask import Flask, Request, request

from service.auth.key_ring import Caller, Keys
from service.environ import CALLER, ROUTE
from service.http.problem import Problem

Rule = Literal["public", "key", "admin", "signed"]
View = TypeVar("View", bound=Callable[..., object])
ATTRIBUTE = "access_rule"
HOW = "send the API key as X-API-Key: <key> or Authorization: Bearer <key>"


def access(rule: Rule) -> Callable[[View], View]:
    """Mark a view with its rule."""

    def mark(view: View) -> View:
        setattr(view, ATTRIBUTE, rule)
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of the view at `endpoint`, or None if it was given none."""
    return getattr(app.view_functions[endpoint], ATTRIBUTE, None)


def guard(app: Flask, keys: Keys) -> None:
    """Check the rule of every request to `app` before its view runs."""

    @app.before_request
    def _check() -> None:
        incoming = request._get_current_object()  # type: ignore[attr-defined] # pylint: disable=protected-access
        if incoming.url_rule is None:
            return  # no such route: answered by 404 or 405
        incoming.environ[ROUTE] = incoming.url_rule.rule
        rule = rule_of(app, incoming.url_rule.endpoint)
        if rule in ("key", "admin"):
            _require(incoming, keys, rule)
        elif rule not in ("public", "signed"):
            raise Problem(403, "no-rule", "this route has no access rule, so nobody may call it")


def known_caller(incoming: Request, keys: Keys) -> Caller | None:
    """Whose key came with the request, if any."""
    given = _given_key(incoming)
    return keys.caller(given) if given else None


def _require(incoming: Request, keys: Keys, rule: Rule) -> None:
    if not _given_key(incoming):
        raise Problem(401, "no-key", HOW, headers={"WWW-Authenticate": "Bearer"})
    caller = known_caller(incoming, keys)
    if caller is None:
        raise Problem(403, "wrong-key", "this is no valid API key; API_KEY_FILE holds one")
    incoming.environ[CALLER] = caller.name
    if rule == "admin" and caller.role != "admin":
        raise Problem(403, "not-admin", "this needs an admin's key; ADMIN_KEY_FILE holds one")


def _given_key(incoming: Request) -> str:
    scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return incoming.headers.get("X-API-Key", "") or bearer
