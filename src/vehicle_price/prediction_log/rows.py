"""The rows of the prediction log, free of the database driver."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Channel = Literal["form", "api", "batch"]  # how the listing came


class ModelRow(NamedTuple):
    """A model version: its run, the hash of its training data and the commit of its code."""

    name: str
    version: str
    run_id: str
    data_sha256: str
    code_commit: str


class PredictionRow(NamedTuple):
    """A price that a client got. role: production or canary. listing: as the client sent it.

    request_id: X-Request-ID. position: of the listing in that request, from 0. caller: "key " and
    the name of the API key, or "address " and the address; "" in records of older versions.
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
    channel: Channel = "api"
    caller: str = ""


class ShadowRow(NamedTuple):
    """The price that a shadow model computed for the listing of a prediction."""

    prediction_id: str
    run_id: str
    model_version: str
    created_at: str
    price: int
    low: int
    high: int


class FeedbackRow(NamedTuple):
    """The price that a predicted car was sold or listed for. key_name: of the API key that reported
    it; "" in records of older versions."""

    prediction_id: str
    price: int
    received_at: str
    key_name: str = ""


class Rows(NamedTuple):
    """Rows of each table."""

    models: Sequence[ModelRow] = ()
    predictions: Sequence[PredictionRow] = ()
    shadows: Sequence[ShadowRow] = ()
    feedback: Sequence[FeedbackRow] = ()


class VersionErrors(NamedTuple):
    """The errors of a version's prices against the prices that clients reported later.

    median_ape: median of |price - reported| / reported; None without feedback.
    """

    role: str
    model_version: str
    run_id: str
    predictions: int
    feedback: int
    median_ape: float | None


def concatenate(batches: Sequence[Rows]) -> Rows:
    """The rows of all batches, each table's in order."""
    tables = range(len(Rows._fields))
    return Rows(*([row for batch in batches for row in batch[table]] for table in tables))
