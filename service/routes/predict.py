"""POST /predict: from JSON to prices. The fast path: no pandas, no MLflow.

A price is answered once its record is in the outbox.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Request, Response, request
from pydantic_core import to_json

from service.auth.access_rules import access
from service.environ import FAILED
from service.http.body import read_json
from service.http.middleware import note_version, request_id
from service.http.request_context import key_of
from service.inference import canary
from service.inference.model_holder import Holder, Served
from service.inference.shadow import Shadow
from service.observability.metrics import Metrics
from service.outbox import codec
from service.outbox.codec import Asked
from service.outbox.idempotency import Reply, answer_once
from service.outbox.outbox import Outbox
from service.outbox.records import Record
from vehicle_price.estimate import Estimate
from vehicle_price.listing.errors import FieldError, WrongValues
from vehicle_price.listing.validation import check_many, check_one
from vehicle_price.prediction_log.ids import member_ids, new_id

PATH = "/predict"
CURRENCY = "USD"
MAX_LISTINGS = 1_000


@dataclass(frozen=True)
class Pricer:
    """Makes prices, and the records of them."""

    holder: Holder
    outbox: Outbox
    metrics: Metrics
    shadow: Shadow

    def one(self, listing: Mapping[str, object], asked: Asked) -> tuple[dict[str, object], Record]:
        """The answer for one checked listing, and the record to keep before it is given."""
        (estimate,), served = canary.price(self.holder, asked.client, [listing])
        self._count(served, 1, asked)
        first_id = new_id()
        self.shadow.offer(first_id, [listing])
        record = codec.priced(first_id, [listing], [estimate], served.row, served.role, asked)
        return answer(estimate, served, first_id), record

    def many(
        self, listings: list[dict[str, object]], asked: Asked
    ) -> tuple[dict[str, object], Record]:
        """The answer for a list of checked listings, and its record."""
        estimates, served = canary.price(self.holder, asked.client, listings)
        self._count(served, len(listings), asked)
        first_id = new_id()
        self.shadow.offer(first_id, listings)
        ids = member_ids(first_id, len(listings))
        record = codec.priced(first_id, listings, estimates, served.row, served.role, asked)
        return {"predictions": answers(estimates, served, ids)}, record

    def kept(self, listing: Mapping[str, object], asked: Asked) -> dict[str, object]:
        """The answer for one checked listing, its record kept."""
        content, record = self.one(listing, asked)
        self.outbox.append(record)
        return content

    def _count(self, served: Served, prices: int, asked: Asked) -> None:
        note_version(served.version, asked.environ)
        self.metrics.predicted(prices, served.role, served.version)


def blueprint(pricer: Pricer) -> Blueprint:
    """The routes that answer prices."""
    routes = Blueprint("pricing", __name__)

    @routes.post(PATH)
    @access("public")
    def predict() -> Response:
        if FAILED in request.environ:
            raise request.environ[FAILED]
        asked, body = asked_by(request), read_json(request)
        make = partial(reply_to, pricer, body, asked)
        return json_response(answer_once(pricer.outbox, PATH, asked.key, body, make))

    return routes


def reply_to(pricer: Pricer, body: object, asked: Asked) -> Reply:
    """What a JSON `body` is answered, a listing or a list. Raises WrongValues."""
    if isinstance(body, list):
        content, record = pricer.many(_checked(body), asked)
    else:
        content, record = pricer.one(check_one(body), asked)
    return Reply(to_json(content, inf_nan_mode="null"), record)


def answer(estimate: Estimate, served: Served, prediction_id: str) -> dict[str, object]:
    """One prediction as the client gets it."""
    return answers([estimate], served, [prediction_id])[0]


def answers(
    estimates: Iterable[Estimate], served: Served, ids: Iterable[str]
) -> list[dict[str, object]]:
    """Predictions as the client gets them. What they share is made once: there may be many."""
    coverage, model = served.coverage, {"name": served.name, "version": served.version}
    return [
        {
            "prediction_id": prediction_id,
            "price": price,
            "currency": CURRENCY,
            "interval": {"low": low, "high": high, "coverage": coverage},
            "model": model,
            "warnings": warnings,
        }
        for prediction_id, (price, low, high, warnings) in zip(ids, estimates, strict=True)
    ]


def asked_by(incoming: Request) -> Asked:
    """Who asks. A canary's clients are told apart by X-Client-Id or else by their address."""
    client = incoming.headers.get("X-Client-Id") or incoming.remote_addr or ""
    return Asked(client, request_id(), key_of(incoming), incoming.environ)


def as_json(content: object, status: int = 200) -> Response:
    """A JSON response."""
    return json_response(to_json(content, inf_nan_mode="null"), status)


def json_response(body: bytes, status: int = 200) -> Response:
    """A response of JSON that is ready."""
    return Response(body, status=status, content_type="application/json")


def _checked(body: list[object]) -> list[dict[str, object]]:
    if not 1 <= len(body) <= MAX_LISTINGS:
        detail = f"expected 1 to {MAX_LISTINGS} listings, got {len(body)}"
        raise WrongValues([FieldError("", detail, body)])
    return check_many(body)
