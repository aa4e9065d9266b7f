"""Write rows of the prediction log to PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import Json, execute_values

from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.rows import PredictionRow, Rows

PAGE = 1_000
MODELS = """
INSERT INTO models (name, model_version, run_id, data_sha256, code_commit) VALUES %s
ON CONFLICT DO NOTHING
"""
PREDICTIONS = """
INSERT INTO predictions (prediction_id, created_at, request_id, position, idempotency_key, run_id,
                         model_version, role, listing, price, low, high, warnings, channel, caller)
VALUES %s ON CONFLICT DO NOTHING
"""
SHADOWS = """
INSERT INTO shadow_predictions (prediction_id, run_id, model_version, created_at, price, low, high)
VALUES %s ON CONFLICT DO NOTHING
"""
REPORTS = """
INSERT INTO feedback_reports (prediction_id, price, received_at, key_name) VALUES %s
ON CONFLICT DO NOTHING
"""
# The report that counts for each of these predictions that exists: the latest of the key that was
# the first to report. A report may come from another instance before its prediction does.
FEEDBACK = """
INSERT INTO feedback (prediction_id, price, received_at, key_name)
SELECT DISTINCT ON (r.prediction_id) r.prediction_id, r.price, r.received_at, r.key_name
FROM feedback_reports r JOIN predictions p USING (prediction_id)
WHERE r.prediction_id = ANY(%s::uuid[]) AND r.key_name = (
    SELECT owner.key_name FROM feedback_reports owner
    WHERE owner.prediction_id = r.prediction_id ORDER BY owner.received_at, owner.key_name LIMIT 1
)
ORDER BY r.prediction_id, r.received_at DESC, r.price
ON CONFLICT (prediction_id) DO UPDATE
SET price = EXCLUDED.price, received_at = EXCLUDED.received_at, key_name = EXCLUDED.key_name
WHERE (feedback.price, feedback.received_at, feedback.key_name)
    IS DISTINCT FROM (EXCLUDED.price, EXCLUDED.received_at, EXCLUDED.key_name)
"""


def insert(connection: Connection, rows: Rows) -> None:
    """Write `rows` and commit. Idempotent: rows that exist are not changed.

    All feedback is kept in `feedback_reports`; `feedback` holds what counts. Raises psycopg2's
    errors (see `database.translated`); then nothing was written.
    """
    with connection, connection.cursor() as cursor:
        _insert_values(cursor, MODELS, sorted(set(rows.models)))
        _insert_values(cursor, PREDICTIONS, [_with_json(row) for row in rows.predictions])
        _insert_values(cursor, SHADOWS, rows.shadows)
        _insert_values(cursor, REPORTS, rows.feedback)
        reported = [row.prediction_id for row in (*rows.predictions, *rows.feedback)]
        if reported:
            cursor.execute(FEEDBACK, (sorted(set(reported)),))


def _insert_values(cursor: Any, sql: str, rows: Sequence[Sequence[object]]) -> None:
    if rows:
        execute_values(cursor, sql, rows, page_size=PAGE)


def _with_json(row: PredictionRow) -> tuple[object, ...]:
    with_json = row._replace(
        listing=Json(_storable(row.listing)), warnings=Json(_storable(list(row.warnings)))
    )
    return tuple(with_json)


def _storable(value: Any) -> Any:
    """`value` without the character NUL, which PostgreSQL's text cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value
    if isinstance(value, Mapping):
        return {name: _storable(member) for name, member in value.items()}
    return [_storable(member) for member in value] if isinstance(value, list) else value
