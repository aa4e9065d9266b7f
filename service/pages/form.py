"""GET /: the HTML form, generated from the schema, and the price on the same page.

The form is sent with GET, so a price is an address that can be kept, and nothing needs JavaScript.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, send_from_directory

from service.auth.access_rules import access
from service.environ import MODEL_VERSION
from service.http.clock import this_year
from service.http.request_context import request_context
from service.inference.model_holder import NoModel
from service.inference.pricer import Pricer, predictions
from vehicle_price.listing.errors import WrongValues
from vehicle_price.listing.validation import check_one
from vehicle_price.schema import EXAMPLE, FEATURES, Column

STATIC = Path(__file__).parents[1] / "static"
FORM_COLUMNS = sorted(FEATURES, key=lambda column: not column.required)  # required ones first
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Field:
    """One input of the form: its column, the typed text, and the error in that text."""

    column: Column
    text: str
    error: str

    @property
    def label(self) -> str:
        """The column's name for people."""
        return self.column.name.replace("_", " ").capitalize()


def blueprint(pricer: Pricer) -> Blueprint:
    """The routes of the form and of the files that it loads."""
    routes = Blueprint("form", __name__)

    @routes.get("/")
    @access("public")
    def form() -> Response:
        if request.method == "HEAD":  # nobody sees a price, so none is made and recorded
            return make_response("", 200, HEADERS)
        typed = {c.name: request.args.get(c.name, "").strip() for c in FEATURES}
        try:
            page = _page(typed, pricer)
        except NoModel:
            page = {"fields": _fields(typed, {}), "no_model": True}
        status = 422 if page.get("errors") else 503 if page.get("no_model") else 200
        return make_response(render_template("form.html", **page), status, HEADERS)

    @routes.get("/static/<path:name>")
    @access("public")
    def static(name: str) -> Response:
        return send_from_directory(STATIC, name, max_age=3600)

    return routes


def listing_from(typed: Mapping[str, str]) -> dict[str, object]:
    """The listing in the typed texts: without empty fields, whole numbers as int.

    >>> listing_from({"odometer": "88,000", "year": "new", "fuel": ""})
    {'odometer': 88000, 'year': 'new'}
    """
    integers = {c.name for c in FEATURES if c.kind == "integer"}
    given = {name: text for name, text in typed.items() if text}
    return {n: _number(text) if n in integers else text for n, text in given.items()}


def _number(text: str) -> int | str:
    digits = text.replace(",", "").replace(" ", "")
    is_number = digits.lstrip("-").isascii() and digits.lstrip("-").isdigit()
    return int(digits) if is_number and digits.count("-") <= 1 and len(digits) <= 18 else text


def _page(typed: Mapping[str, str], pricer: Pricer) -> dict[str, Any]:
    """The template's values: the fields, and the price or the errors of a sent listing."""
    listing, served = listing_from(typed), pricer.holder.current()
    models = served.suggestions.get(typed["manufacturer"].lower(), [])
    shown = {"served": served, "models": models, "example": EXAMPLE}
    if not listing:
        return shown | {"fields": _fields(typed, {})}
    try:
        prediction = _answered(listing, pricer)
    except WrongValues as error:
        errors = {e.pointer.lstrip("/"): e.detail for e in error.errors}
        return shown | {"fields": _fields(typed, errors), "errors": errors}
    return shown | {"fields": _fields(typed, {}), "prediction": prediction}


def _answered(listing: Mapping[str, object], pricer: Pricer) -> dict[str, object]:
    """The prediction for one listing; its record is kept. Raises WrongValues, NoModel."""
    context = request_context(request, "form")
    priced = pricer.price([check_one(listing, this_year())], context.client)
    pricer.keep(priced, context)
    request.environ[MODEL_VERSION] = priced.served.version
    return predictions(priced)[0]


def _fields(typed: Mapping[str, str], errors: Mapping[str, str]) -> list[Field]:
    return [Field(c, typed[c.name], errors.get(c.name, "")) for c in FORM_COLUMNS]
