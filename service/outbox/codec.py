"""The records of the outbox as JSON, and the rows of PostgreSQL that they become.

A request with a thousand listings is one record, so that writing it costs as little as one price.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from service.json_files import now
from service.outbox.records import Origin, Record
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log.ids import member_id, new_id
from vehicle_price.prediction_log.rows import (
    FeedbackRow,
    ModelRow,
    PredictionRow,
    Rows,
    ShadowRow,
)
from vehicle_price.schema import FEATURES

ROWS: TypeAdapter[Rows] = TypeAdapter(Rows)
# A price depends on these columns only. Description, address and VIN may be personal: not stored.
STORED_COLUMNS = frozenset(column.name for column in FEATURES) | {"posting_date"}


def prediction_record(
    first_id: str,
    listings: Sequence[Mapping[str, object]],
    estimates: Sequence[Estimate],
    model: ModelRow,
    role: str,
    origin: Origin = Origin(),
) -> Record:
    """The record of prices that are about to be answered.

    first_id: prediction id of the first price. role: production, canary or fallback.
    """
    body = _model_answer(first_id, estimates, model, role)
    body |= origin._asdict()
    body["listings"] = [
        listing if listing.keys() <= STORED_COLUMNS else _stored_columns(listing)
        for listing in listings
    ]
    return Record(first_id, "prediction", to_json(body, inf_nan_mode="null"))


def shadow_record(
    first_id: str, estimates: Sequence[Estimate], model: ModelRow, role: str
) -> Record:
    """The record of a shadow model's prices for a request that another model has answered."""
    body = _model_answer(first_id, estimates, model, role)
    return Record(first_id, "shadow", to_json(body, inf_nan_mode="null"))


def feedback_record(prediction_id: str, price: int, key_name: str) -> Record:
    """The record of a price that the owner of an API key has reported."""
    row = FeedbackRow(prediction_id, price, now(6), key_name)
    return Record(new_id(), "feedback", to_json(row._asdict()))


def rows_of(record: Record) -> Rows:
    """The rows of `record`. Raises ValueError, KeyError or TypeError if it is malformed."""
    return ROWS.validate_python(_unchecked_rows(record))


def _model_answer(
    first_id: str, estimates: Sequence[Estimate], model: ModelRow, role: str
) -> dict[str, object]:
    return {
        "created_at": now(6),
        "first_id": first_id,
        "role": role,
        "model": _as_dict(model),
        # Plain tuples: pydantic writes named tuples far more slowly.
        "estimates": [tuple(estimate) for estimate in estimates],
    }


@lru_cache(maxsize=8)  # few models serve, and each for many requests
def _as_dict(model: ModelRow) -> dict[str, str]:
    return model._asdict()


def _stored_columns(listing: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in listing.items() if name in STORED_COLUMNS}


def _unchecked_rows(record: Record) -> Rows:
    body = from_json(record.body)
    if record.kind == "feedback":
        return Rows(feedback=[FeedbackRow(**body)])
    model = ModelRow(**body["model"])
    if record.kind == "shadow":
        return Rows(models=[model], shadows=_shadow_rows(body, model))
    if record.kind == "prediction":
        return Rows(models=[model], predictions=_prediction_rows(body, model))
    raise ValueError(f"unknown kind {record.kind!r}")


def _prediction_rows(body: Mapping[str, Any], model: ModelRow) -> list[PredictionRow]:
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
            channel=body.get("channel", "api"),  # records of older versions have neither
            caller=body.get("caller", ""),
        )
        for position, (listing, (price, low, high, warnings)) in enumerate(pairs)
    ]


def _shadow_rows(body: Mapping[str, Any], model: ModelRow) -> list[ShadowRow]:
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
