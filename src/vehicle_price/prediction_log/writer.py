"""The prediction log and the feedback to it, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extras import Json, execute_values

from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.rows import (
    FeedbackRow,
    ModelRow,
    PredictionRow,
    Rows,
    as_lineage,
)

PAGE = 1_000
MODELS = """
INSERT INTO models (name, model_version, run_id, data_sha256, code_commit) VALUES %s
ON CONFLICT DO NOTHING
"""
PREDICTIONS = """
INSERT INTO predictions (prediction_id, created_at, request_id, position, idempotency_key, run_id,
                         model_version, role, listing, price, low, high, warnings)
VALUES %s ON CONFLICT DO NOTHING
"""
SHADOWS = """
INSERT INTO shadow_predictions (prediction_id, run_id, model_version, created_at, price, low, high)
VALUES %s ON CONFLICT DO NOTHING
"""
FEEDBACK = """
INSERT INTO feedback (prediction_id, price, received_at) VALUES %s
ON CONFLICT (prediction_id) DO UPDATE SET price = EXCLUDED.price, received_at = EXCLUDED.received_at
WHERE feedback.received_at < EXCLUDED.received_at
"""
LINEAGE = """
SELECT p.prediction_id::text, p.created_at, p.request_id, p.position, p.idempotency_key,
       p.role, p.listing, p.price, p.low, p.high, p.warnings,
       m.name, m.model_version, m.run_id, m.data_sha256, m.code_commit, f.price, f.received_at
FROM predictions p JOIN models m USING (run_id, model_version)
LEFT JOIN feedback f USING (prediction_id)
WHERE p.prediction_id = %s
"""
ERRORS = """
SELECT p.role, p.model_version, p.run_id, count(*), count(f.price),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p.price - f.price) / f.price::float8)
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.created_at >= %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


class VersionErrors(NamedTuple):
    """How far one version's answers were from what was reported later.

    median_ape: median of |price - reported| / reported; None without feedback.
    """

    role: str
    model_version: str
    run_id: str
    predictions: int
    feedback: int
    median_ape: float | None


def insert(connection: Connection, rows: Rows) -> None:
    """Write `rows` and commit. Rows that are there already are left as they are, so it may be
    repeated; of two feedbacks to one prediction the later one counts.

    Raises psycopg2's errors (see `database.translated`); then nothing was written.
    """
    with connection, connection.cursor() as cursor:
        _values(cursor, MODELS, sorted(set(rows.models)))
        _values(cursor, PREDICTIONS, [_with_json(row) for row in rows.predictions])
        _values(cursor, SHADOWS, rows.shadows)
        _values(cursor, FEEDBACK, _latest(rows.feedback))


def lineage(connection: Connection, prediction_id: str) -> dict[str, object] | None:
    """What made this price, and what was reported later; None when it is not in the log."""
    with connection, connection.cursor() as cursor:
        cursor.execute(LINEAGE, (prediction_id,))
        found = cursor.fetchone()
    if found is None:
        return None
    row = PredictionRow(
        prediction_id=found[0],
        created_at=found[1].isoformat(timespec="microseconds"),
        request_id=found[2],
        position=found[3],
        idempotency_key=found[4],
        run_id=found[13],
        model_version=found[12],
        role=found[5],
        listing=found[6],
        price=found[7],
        low=found[8],
        high=found[9],
        warnings=found[10],
    )
    reported = None
    if found[16] is not None:
        reported = FeedbackRow(row.prediction_id, found[16], found[17].isoformat())
    return as_lineage(row, ModelRow(*found[11:16]), reported)


def errors_by_version(connection: Connection, since: datetime) -> list[VersionErrors]:
    """Counts and errors of each version's answers since then, by role."""
    with connection, connection.cursor() as cursor:
        cursor.execute(ERRORS, (since,))
        return [VersionErrors(*row) for row in cursor.fetchall()]


def _values(cursor: Any, sql: str, rows: Sequence[Sequence[object]]) -> None:
    if rows:
        execute_values(cursor, sql, rows, page_size=PAGE)


def _with_json(row: PredictionRow) -> tuple[object, ...]:
    changed = row._replace(
        listing=Json(_storable(row.listing)), warnings=Json(_storable(list(row.warnings)))
    )
    return tuple(changed)


def _storable(value: Any) -> Any:
    """`value` without the character NUL, which PostgreSQL's text cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value
    if isinstance(value, Mapping):
        return {name: _storable(part) for name, part in value.items()}
    return [_storable(part) for part in value] if isinstance(value, list) else value


def _latest(rows: Sequence[FeedbackRow]) -> list[FeedbackRow]:
    """One row for each prediction: PostgreSQL refuses to update a row twice in one statement."""
    return list({r.prediction_id: r for r in sorted(rows, key=lambda r: r.received_at)}.values())


def shadow_errors(connection: Connection, since: datetime) -> list[VersionErrors]:
    """As `errors_by_version`, of the models that only watched."""
    sql = ERRORS.replace("p.role", "'shadow'").replace("predictions p", "shadow_predictions p")
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, (since,))
        return [VersionErrors(*row) for row in cursor.fetchall()]
