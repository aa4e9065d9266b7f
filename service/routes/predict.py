"""POST /predict: a listing or a list of listings in, prices out. No pandas, no MLflow."""

from typing import NamedTuple

from flask import Blueprint, Response, request
from pydantic_core import to_json

from service.auth.access_rules import access
from service.environ import MODEL_VERSION
from service.http.body import read_json_body
from service.http.clock import this_year
from service.http.request_context import (
    CHANNEL,
    RequestContext,
    channel_of,
    request_context,
    scope_of,
)
from service.http.responses import encoded_response
from service.inference.pricer import Priced, Pricer, predictions
from service.outbox.idempotency import answer_once
from service.outbox.outbox import StoredAnswer
from vehicle_price.listing.errors import FieldError, WrongValues
from vehicle_price.listing.validation import check_many, check_one

PATH = "/predict"
MAX_LISTINGS = 1_000


class Answer(NamedTuple):
    """The JSON body, and the version of the model; "" where the body repeats an earlier answer."""

    body: bytes
    model_version: str


def blueprint(pricer: Pricer) -> Blueprint:
    """The route for listings in JSON."""
    routes = Blueprint("pricing", __name__)

    @routes.post(PATH)
    @access("public")
    def predict() -> Response:
        context = request_context(request, channel_of(request.headers.get(CHANNEL)))
        answered = answer(pricer, read_json_body(request), context)
        request.environ[MODEL_VERSION] = answered.model_version
        return encoded_response(answered.body)

    return routes


def answer(pricer: Pricer, body: object, context: RequestContext) -> Answer:
    """The answer to a JSON `body`, a listing or a list; its record is kept.

    Raises WrongValues, NoModel, KeyReused, OutboxFull, OutboxUnavailable.
    """
    listings, is_list = _checked(body), isinstance(body, list)
    if context.idempotency_key is None:  # the usual case, without the functions below
        response_body, priced = _price(pricer, listings, is_list, context)
        pricer.keep(priced, context)
        return Answer(response_body, priced.served.version)

    def keep(priced: Priced, stored_answer: StoredAnswer | None) -> None:
        pricer.keep(priced, context, stored_answer)

    response_body, fresh = answer_once(
        pricer.outbox,
        scope_of(PATH, context),
        listings if is_list else listings[0],
        make=lambda: _price(pricer, listings, is_list, context),
        keep=keep,
    )
    return Answer(response_body, fresh.served.version if fresh else "")


def _price(
    pricer: Pricer, listings: list[dict[str, object]], is_list: bool, context: RequestContext
) -> tuple[bytes, Priced]:
    """The response's body, and the prices to keep."""
    priced = pricer.price(listings, context.client)
    answered = predictions(priced)
    content = {"predictions": answered} if is_list else answered[0]
    return to_json(content, inf_nan_mode="null"), priced


def _checked(body: object) -> list[dict[str, object]]:
    if not isinstance(body, list):
        return [check_one(body, this_year())]
    if not 1 <= len(body) <= MAX_LISTINGS:
        detail = f"expected 1 to {MAX_LISTINGS} listings, got {len(body)}"
        raise WrongValues([FieldError("", detail, body)])
    return check_many(body, this_year())
