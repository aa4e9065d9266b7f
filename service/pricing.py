"""POST /predict: from JSON to prices. The fast path: no pandas, no MLflow, no file."""

import uuid

from flask import Blueprint, Response, request
from pydantic_core import to_json

from service.access import access
from service.body import read_json
from service.holder import Estimate, Holder, Served
from vehicle_price.listing import check_many, check_one
from vehicle_price.wrong_values import FieldError, WrongValues

CURRENCY = "USD"
MAX_LISTINGS = 1_000


def blueprint(holder: Holder) -> Blueprint:
    """The routes that answer prices."""
    routes = Blueprint("pricing", __name__)

    @routes.post("/predict")
    @access("public")
    def predict() -> Response:
        body = read_json(request)
        return as_json(_price_many(holder, body) if isinstance(body, list) else _one(holder, body))

    return routes


def answer(estimate: Estimate, served: Served) -> dict[str, object]:
    """One prediction as the client gets it."""
    return {
        "prediction_id": str(uuid.uuid4()),
        "price": estimate.price,
        "currency": CURRENCY,
        "interval": {"low": estimate.low, "high": estimate.high, "coverage": served.coverage},
        "model": {"name": served.name, "version": served.version},
        "warnings": estimate.warnings,
    }


def as_json(content: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(
        to_json(content, inf_nan_mode="null"), status=status, content_type="application/json"
    )


def _one(holder: Holder, body: object) -> dict[str, object]:
    listing = check_one(body)
    served = holder.current()
    return answer(served.valuation.price_one(listing), served)


def _price_many(holder: Holder, body: list[object]) -> dict[str, object]:
    if not 1 <= len(body) <= MAX_LISTINGS:
        detail = f"expected 1 to {MAX_LISTINGS} listings, got {len(body)}"
        raise WrongValues([FieldError("", detail, body)])
    listings = check_many(body)
    served = holder.current()
    estimates = served.valuation.price_many(listings)
    return {"predictions": [answer(estimate, served) for estimate in estimates]}
