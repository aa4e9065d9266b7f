"""The lineage of a prediction: which model, data, code and request made a price."""

from typing import TYPE_CHECKING

from vehicle_price.prediction_log.errors import PredictionArchived
from vehicle_price.prediction_log.retention.files import files_with
from vehicle_price.prediction_log.rows import FeedbackRow, ModelRow, PredictionRow

if TYPE_CHECKING:  # the service imports `as_lineage` without the database driver
    from vehicle_price.prediction_log.database import Connection

LINEAGE = """
SELECT p.prediction_id::text, p.created_at, p.request_id, p.position, p.idempotency_key,
       p.role, p.listing, p.price, p.low, p.high, p.warnings,
       m.name, m.model_version, m.run_id, m.data_sha256, m.code_commit,
       f.price, f.received_at, f.key_name, p.channel, p.caller
FROM predictions p JOIN models m USING (run_id, model_version)
LEFT JOIN feedback f USING (prediction_id)
WHERE p.prediction_id = %s
"""


def find_lineage(connection: "Connection", prediction_id: str) -> dict[str, object] | None:
    """The lineage of a prediction, None when the log never had it.

    Raises PredictionArchived for one that has left the log, and psycopg2's errors.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(LINEAGE, (prediction_id,))
        columns = cursor.fetchone()
    if columns is None:
        if files := files_with(connection, prediction_id):
            raise PredictionArchived(files)
        return None
    row = PredictionRow(
        prediction_id=columns[0],
        created_at=columns[1].isoformat(timespec="microseconds"),
        request_id=columns[2],
        position=columns[3],
        idempotency_key=columns[4],
        run_id=columns[13],
        model_version=columns[12],
        role=columns[5],
        listing=columns[6],
        price=columns[7],
        low=columns[8],
        high=columns[9],
        warnings=columns[10],
        channel=columns[19],
        caller=columns[20],
    )
    feedback = None
    if columns[16] is not None:
        feedback = FeedbackRow(row.prediction_id, columns[16], columns[17].isoformat(), columns[18])
    return as_lineage(row, ModelRow(*columns[11:16]), feedback)


def as_lineage(
    row: PredictionRow, model: ModelRow, feedback: FeedbackRow | None = None
) -> dict[str, object]:
    """A prediction's lineage as the service answers it, from the database or the outbox."""
    request = {
        "request_id": row.request_id,
        "position": row.position,
        "idempotency_key": row.idempotency_key,
        "listing": row.listing,
        "channel": row.channel,
        "caller": row.caller,
    }
    reported = None
    if feedback:
        reported = feedback._asdict()
        del reported["prediction_id"]
    return {
        "prediction_id": row.prediction_id,
        "created_at": row.created_at,
        "role": row.role,
        "model": model._asdict(),
        "request": request,
        "price": row.price,
        "interval": {"low": row.low, "high": row.high},
        "warnings": list(row.warnings),
        "feedback": reported,
    }
