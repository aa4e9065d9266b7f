"""The errors of each model version, from the feedback in the prediction log."""

from datetime import datetime
from typing import TYPE_CHECKING

from vehicle_price.prediction_log.rows import VersionErrors

if TYPE_CHECKING:
    from vehicle_price.prediction_log.database import Connection

ERRORS = """
SELECT p.role, p.model_version, p.run_id, count(*), count(f.price),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p.price - f.price) / f.price::float8)
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.created_at >= %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def errors_by_version(connection: "Connection", since: datetime) -> list[VersionErrors]:
    """Counts and errors of each version's predictions since then, by role."""
    return _errors(connection, ERRORS, since)


def shadow_errors(connection: "Connection", since: datetime) -> list[VersionErrors]:
    """Counts and errors of the shadow models' predictions since then."""
    sql = ERRORS.replace("p.role", "'shadow'").replace("predictions p", "shadow_predictions p")
    return _errors(connection, sql, since)


def _errors(connection: "Connection", sql: str, since: datetime) -> list[VersionErrors]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, (since,))
        return [VersionErrors(*columns) for columns in cursor.fetchall()]
