"""GET /openapi.json and GET /docs: the contract itself, for programs and for people."""

import json
from functools import cache

from flask import Blueprint, Response, current_app, make_response, render_template

from service.auth.access_rules import access
from service.openapi.document import document
from service.pages.form import HEADERS

PAGE_HEADERS = HEADERS | {"Cache-Control": "max-age=300"}


def blueprint() -> Blueprint:
    """The routes that describe all the others."""
    routes = Blueprint("docs", __name__)

    @cache
    def written() -> bytes:
        # Once, at the first request: by then all routes are registered.
        return json.dumps(document(current_app), ensure_ascii=False).encode()

    @cache
    def page() -> str:
        return render_template("docs.html", api=document(current_app))

    @routes.get("/openapi.json")
    @access("public")
    def openapi() -> Response:
        return Response(written(), content_type="application/json")

    @routes.get("/docs")
    @access("public")
    def docs() -> Response:
        return make_response(page(), 200, PAGE_HEADERS)

    return routes
