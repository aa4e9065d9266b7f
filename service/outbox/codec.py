"""What one request leaves in the outbox, and the rows of PostgreSQL that become of it.

A request with a thousand listings is one entry, so that writing it costs as little as one price.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from service.outbox.records import Kind, Record
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log.ids import member_id, new_id
from vehicle_price.prediction_log.rows import FeedbackRow, ModelRow, PredictionRow, Rows, ShadowRow
from vehicle_price.schema import FEATURES

# What prices depend on. The seller's text, address and the VIN may be personal: not kept.
ROWS: TypeAdapter[Rows] = TypeAdapter(Rows)
KEPT = frozenset(column.name for column in FEATURES) | {"posting_date"}


class Asked(NamedTuple):
    """Who asked what. client: who, for canaries. request_id: X-Request-ID.

    key: Idempotency-Key. environ: the WSGI environment, where the log finds what is noted.
    """

    client: str = ""
    request_id: str = ""
    key: str | None = None
    environ: MutableMapping[str, Any] | None = None


def priced(
    first_id: str,
    listings: Sequence[Mapping[str, object]],
    estimates: Sequence[Estimate],
    model: ModelRow,
    role: str,
    asked: Asked = Asked(),
) -> Record:
    """The record of prices that are about to be answered. first_id: of the first of them."""
    return _record("prediction", first_id, model, role, estimates, listings=listings, asked=asked)


def shadowed(first_id: str, estimates: Sequence[Estimate], model: ModelRow, role: str) -> Record:
    """The record of what a shadow model says to a request that another model answers."""
    return _record("shadow", first_id, model, role, estimates)


def feedback(prediction_id: str, price: int) -> Record:
    """The record of a price that a client has reported."""
    body = {"prediction_id": prediction_id, "price": price, "received_at": now()}
    return Record(new_id(), "feedback", to_json(body))


def now() -> str:
    """This moment, ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def rows(record: Record) -> Rows:
    """The rows of `record`. Raises ValueError, KeyError or TypeError if it is malformed."""
    return ROWS.validate_python(_unchecked(record))


def _unchecked(record: Record) -> Rows:
    body = from_json(record.body)
    if record.kind == "feedback":
        return Rows(feedback=[FeedbackRow(**body)])
    model = ModelRow(**body["model"])
    if record.kind == "shadow":
        return Rows(models=[model], shadows=_shadows(body, model))
    if record.kind == "prediction":
        return Rows(models=[model], predictions=_predictions(body, model))
    raise ValueError(f"unknown kind {record.kind!r}")


def _record(
    kind: Kind,
    first_id: str,
    model: ModelRow,
    role: str,
    estimates: Sequence[Estimate],
    *,
    listings: Sequence[Mapping[str, object]] = (),
    asked: Asked = Asked(),
) -> Record:
    body = {
        "created_at": now(),
        "first_id": first_id,
        "request_id": asked.request_id,
        "idempotency_key": asked.key,
        "role": role,
        "model": model._asdict(),
        "listings": [one if one.keys() <= KEPT else _kept(one) for one in listings],
        "estimates": [tuple(one) for one in estimates],  # named ones are written slowly
    }
    return Record(first_id, kind, to_json(body, inf_nan_mode="null"))


def _kept(listing: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in listing.items() if name in KEPT}


def _predictions(body: Mapping[str, Any], model: ModelRow) -> list[PredictionRow]:
    pairs = zip(body["listings"], body["estimates"], strict=True)
    return [
        PredictionRow(
            prediction_id=member_id(body["first_id"], position),
            created_at=body["created_at"],
            request_id=body["request_id"],
            position=position,
            idempotency_key=body["idempotency_key"],
            run_id=model.run_id,
            model_version=model.version,
            role=body["role"],
            listing=listing,
            price=price,
            low=low,
            high=high,
            warnings=warnings,
        )
        for position, (listing, (price, low, high, warnings)) in enumerate(pairs)
    ]


def _shadows(body: Mapping[str, Any], model: ModelRow) -> list[ShadowRow]:
    return [
        ShadowRow(
            prediction_id=member_id(body["first_id"], position),
            run_id=model.run_id,
            model_version=model.version,
            created_at=body["created_at"],
            price=price,
            low=low,
            high=high,
        )
        for position, (price, low, high, _) in enumerate(body["estimates"])
    ]
