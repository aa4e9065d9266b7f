"""The rows of the prediction log, as `writer.py` writes them."""

from collections.abc import Sequence
from typing import NamedTuple


class ModelRow(NamedTuple):
    """What made prices: a model's version, its run, the hash of its data, the code's commit."""

    name: str
    version: str
    run_id: str
    data_sha256: str
    code_commit: str


class PredictionRow(NamedTuple):
    """One price that was answered. role: production or canary. listing: what was asked.

    request_id: X-Request-ID. position: the listing's in that request, from 0.
    """

    prediction_id: str
    created_at: str
    request_id: str
    position: int
    idempotency_key: str | None
    run_id: str
    model_version: str
    role: str
    listing: dict[str, object]
    price: int
    low: int
    high: int
    warnings: Sequence[str]


class ShadowRow(NamedTuple):
    """What another model would have answered to a prediction."""

    prediction_id: str
    run_id: str
    model_version: str
    created_at: str
    price: int
    low: int
    high: int


class FeedbackRow(NamedTuple):
    """The price a predicted car was sold or listed for."""

    prediction_id: str
    price: int
    received_at: str


class Rows(NamedTuple):
    """Rows of each table."""

    models: Sequence[ModelRow] = ()
    predictions: Sequence[PredictionRow] = ()
    shadows: Sequence[ShadowRow] = ()
    feedback: Sequence[FeedbackRow] = ()


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of `parts`, each table's in order."""
    return Rows(*([row for part in parts for row in part[n]] for n in range(len(Rows._fields))))


def as_lineage(
    row: PredictionRow, model: ModelRow, reported: FeedbackRow | None = None
) -> dict[str, object]:
    """A prediction's lineage as it is answered, from wherever its row lies."""
    request = {
        "request_id": row.request_id,
        "position": row.position,
        "idempotency_key": row.idempotency_key,
        "listing": row.listing,
    }
    feedback = {"price": reported.price, "received_at": reported.received_at} if reported else None
    return {
        "prediction_id": row.prediction_id,
        "created_at": row.created_at,
        "role": row.role,
        "model": model._asdict(),
        "request": request,
        "price": row.price,
        "interval": {"low": row.low, "high": row.high},
        "warnings": list(row.warnings),
        "feedback": feedback,
    }
