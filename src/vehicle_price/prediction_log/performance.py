"""The errors of each model version, from the feedback in the prediction log."""

from datetime import datetime
from typing import TYPE_CHECKING

from vehicle_price.prediction_log.rows import CanaryFeedback, VersionErrors

if TYPE_CHECKING:
    from vehicle_price.prediction_log.database import Connection

ERRORS = """
SELECT p.role, p.model_version, p.run_id, count(*), count(f.price),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p.price - f.price) / f.price::float8)
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.created_at >= %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


# From the reports, which are few, to the predictions, which are many on a busy service.
CANARY_FEEDBACK = """
WITH reported AS (
    SELECT p.role, abs(p.price - f.price) / f.price::float8 AS error,
           p.price / f.price::float8 AS ratio
    FROM feedback f JOIN predictions p USING (prediction_id)
    WHERE f.received_at >= %(since)s AND p.created_at >= %(since)s
      AND (p.role, p.run_id) IN (('canary', %(canary)s), ('production', %(production)s))
), production AS (
    SELECT count(*) AS reports, percentile_cont(0.5) WITHIN GROUP (ORDER BY error) AS error,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) AS ratio
    FROM reported WHERE role = 'production'
)
SELECT max(m.reports), count(c.role), count(*) FILTER (WHERE c.error > m.error),
       count(*) FILTER (WHERE c.ratio > m.ratio), count(*) FILTER (WHERE c.ratio < m.ratio)
FROM production m LEFT JOIN reported c ON c.role = 'canary'
"""


def canary_feedback(
    connection: "Connection", since: datetime, canary_run: str, production_run: str
) -> CanaryFeedback:
    """Clients' reports on the canary's and production's prices since then."""
    values = {"since": since, "canary": canary_run, "production": production_run}
    with connection, connection.cursor() as cursor:
        cursor.execute(CANARY_FEEDBACK, values)
        return CanaryFeedback(*cursor.fetchone())


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
