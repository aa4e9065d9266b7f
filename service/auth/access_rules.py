"""Access rules: which callers a route accepts. A route without a rule answers 403.

public: every caller. key: callers with an API key. admin: callers with an admin's key.
monitoring: callers with a key for monitoring, and admins. signed: the view itself checks the
signature of the body.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from flask import Flask, Request, request

from service.auth.key_ring import Caller, KeyRing
from service.environ import CALLER, CALLER_ROLE, ROUTE
from service.http.problem import Problem
from vehicle_price.api_keys import Role

Rule = Literal["public", "key", "admin", "monitoring", "signed"]
View = TypeVar("View", bound=Callable[..., object])
ATTRIBUTE = "access_rule"
# The roles that may call a route with this rule. A role that is not named here may not.
ALLOWED: Mapping[Rule, frozenset[Role]] = {
    "key": frozenset({"key", "admin"}),
    "admin": frozenset({"admin"}),
    "monitoring": frozenset({"monitoring", "admin"}),
}
# What a caller whose role is not allowed gets: the kind of the problem, and what to do.
REFUSALS: Mapping[Rule, tuple[str, str]] = {
    "key": ("wrong-scope", "this key is for monitoring only; API_KEY_FILE holds one for this"),
    "admin": ("not-admin", "this needs an admin's key; ADMIN_KEY_FILE holds one"),
    "monitoring": (
        "wrong-scope",
        "this needs a key for monitoring; MONITORING_KEY_FILE holds one, and "
        "`vehicle-price keys add NAME --monitoring` makes one",
    ),
}
HOW_TO_SEND = "send the API key as X-API-Key: <key> or Authorization: Bearer <key>"


def access(rule: Rule) -> Callable[[View], View]:
    """Mark a view with its rule."""

    def mark(view: View) -> View:
        setattr(view, ATTRIBUTE, rule)
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of the view at `endpoint`, or None if it was given none."""
    return getattr(app.view_functions[endpoint], ATTRIBUTE, None)


def enforce_access_rules(app: Flask, keys: KeyRing) -> None:
    """Check the rule of every request to `app` before its view runs."""

    @app.before_request
    def _check() -> None:
        incoming = request._get_current_object()  # type: ignore[attr-defined] # pylint: disable=protected-access
        if incoming.url_rule is None:
            return  # no such route: answered by 404 or 405
        incoming.environ[ROUTE] = incoming.url_rule.rule
        rule = rule_of(app, incoming.url_rule.endpoint)
        caller = caller_of(incoming, keys)
        if caller is not None:
            incoming.environ[CALLER] = caller.name
            incoming.environ[CALLER_ROLE] = caller.role
        if rule in ALLOWED:
            _require(incoming, caller, rule)
        elif rule not in ("public", "signed"):
            raise Problem(403, "no-rule", "this route has no access rule, so nobody may call it")


def caller_of(incoming: Request, keys: KeyRing) -> Caller | None:
    """The owner of the key that came with the request; None without a valid key."""
    given = _given_key(incoming)
    return keys.caller(given) if given else None


def _require(incoming: Request, caller: Caller | None, rule: Rule) -> None:
    if not _given_key(incoming):
        raise Problem(401, "no-key", HOW_TO_SEND, headers={"WWW-Authenticate": "Bearer"})
    if caller is None:
        raise Problem(403, "wrong-key", "this is no valid API key; API_KEY_FILE holds one")
    if caller.role not in ALLOWED[rule]:
        raise Problem(403, *REFUSALS[rule])


def require_admin(incoming: Request, what: str) -> None:
    """Raise Problem 403 unless the request came with an admin's key. what: that needs it."""
    if incoming.environ.get(CALLER_ROLE) != "admin":
        raise Problem(403, "not-admin", f"{what} needs an admin's key; ADMIN_KEY_FILE holds one")


def _given_key(incoming: Request) -> str:
    scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return incoming.headers.get("X-API-Key", "") or bearer
