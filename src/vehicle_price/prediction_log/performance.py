"""The errors of each model version, from the feedback in the prediction log."""

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from vehicle_price.monitoring.canary import CanaryFeedback, Reports, canary_feedback
from vehicle_price.prediction_log.rows import VersionErrors

if TYPE_CHECKING:
    from vehicle_price.prediction_log.database import Connection

ERRORS = """
SELECT p.role, p.model_version, p.run_id, count(*), count(f.price),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p.price - f.price) / f.price::float8)
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.created_at >= %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

# From the reports, which are few, to the predictions, which are many on a busy service.
REPORTS = """
SELECT f.key_name, p.price / f.price::float8
FROM feedback f JOIN predictions p USING (prediction_id)
WHERE f.received_at >= %(since)s AND p.created_at >= %(since)s
  AND p.role = %(role)s AND p.run_id = %(run_id)s
"""
FIRST = f"{REPORTS} ORDER BY f.received_at, f.prediction_id LIMIT %(limit)s"
LAST = f"{REPORTS} ORDER BY f.received_at DESC, f.prediction_id DESC LIMIT %(limit)s"
MOST_REPORTS = 50_000  # that are read of a role


def read_canary_feedback(
    connection: "Connection", since: datetime, canary_run: str, production_run: str
) -> CanaryFeedback:
    """Clients' reports on the canary's and production's prices since then, counted.

    Of more than MOST_REPORTS, the canary's first ones and production's last ones.
    """
    canary = _reports(connection, FIRST, since, "canary", canary_run)
    production = _reports(connection, LAST, since, "production", production_run)
    return canary_feedback(canary, production.rows(slice(None, None, -1)))


def _reports(
    connection: "Connection", sql: str, since: datetime, role: str, run_id: str
) -> Reports:
    values = {"since": since, "role": role, "run_id": run_id, "limit": MOST_REPORTS}
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    keys, ratios = ([row[column] for row in rows] for column in (0, 1))
    return Reports(np.array(keys, str), np.array(ratios, float))


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
