"""When another model version came into production; dashboards mark these moments."""

from vehicle_price.prediction_log.database import Connection

# One process writes, so nothing comes between the look and the row.
KEEP = """
INSERT INTO production_changes (model_version, previous_version)
SELECT %(version)s, latest.model_version
FROM (SELECT 1) AS one
LEFT JOIN (
    SELECT model_version FROM production_changes ORDER BY change_id DESC LIMIT 1
) AS latest ON true
WHERE latest.model_version IS DISTINCT FROM %(version)s
RETURNING previous_version
"""


def keep_production(connection: Connection, version: str) -> bool:
    """Record that this version is in production; whether it was another one before.

    Raises psycopg2's errors.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(KEEP, {"version": version})
        return cursor.fetchone() is not None
