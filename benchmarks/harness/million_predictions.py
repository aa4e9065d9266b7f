"""A prediction log of the size that a busy service fills in two months."""

from datetime import datetime, timedelta

from evidently_service.monitor import Monitor
from integration_tests.monitoring.fakes import FakeAirflow, FakeRegistry
from integration_tests.monitoring.filled_log import SHADOW
from integration_tests.monitoring.made_up_log import FIRST_DAY, LATER, add_day, complete_until
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.rows import Rows
from vehicle_price.prediction_log.writer import insert
from vehicle_price.settings import Settings

TEMPLATES = 4_000  # different requests, each of which comes again on other days
# Ids begin with the time, as those of the service do; so the index of ids grows at its end.
PREDICTIONS = """
WITH template AS (
    SELECT row_number() OVER () - 1 AS n, t.* FROM predictions t
    WHERE created_at < %(second_day)s AND request_id NOT LIKE 'many-%%' ORDER BY prediction_id
), numbered AS (
    SELECT k, %(first)s::timestamptz + k * (%(days)s * interval '1 day') / %(rows)s AS at
    FROM generate_series(0, %(rows)s - 1) AS k
)
INSERT INTO predictions (prediction_id, created_at, request_id, position, run_id, model_version,
                         role, listing, price, low, high, warnings, channel, caller)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(k %% 4096), 3, '0') || substr(md5(k::text), 1, 16))::uuid,
       at, 'many-' || k, 0, run_id, model_version, role, listing, price, low, high, warnings,
       (ARRAY['api', 'api', 'form', 'batch'])[1 + k %% 4], caller
FROM numbered JOIN template ON n = k %% %(templates)s ORDER BY at
"""
FEEDBACK = """
INSERT INTO feedback (prediction_id, price, received_at, key_name)
SELECT prediction_id, price * (0.85 + 0.3 * random()), created_at + random() * interval '6 days',
       'dealer-' || (random() * 11)::int
FROM predictions WHERE created_at >= %(first)s AND random() < 0.1
ON CONFLICT DO NOTHING
"""
SHADOWS = """
INSERT INTO shadow_predictions (prediction_id, run_id, model_version, created_at, price, low, high)
SELECT prediction_id, %(run_id)s, %(version)s, created_at, price * 1.05, low, high
FROM predictions WHERE created_at >= %(first)s AND random() < 0.1
ON CONFLICT DO NOTHING
"""


def fill(connection: Connection, rows: int, days: int) -> None:
    """So many predictions in so many days, a tenth with feedback, and monitoring's results."""
    add_templates(connection)
    add_predictions(connection, rows, FIRST_DAY, days)
    complete_until(connection, days)
    Monitor(Settings(), FakeAirflow(), FakeRegistry).step(connection, LATER + timedelta(days=days))
    vacuum(connection)


def add_templates(connection: Connection) -> None:
    """The requests that `add_predictions` repeats; they are of the first day."""
    add_day(connection, 0, made_up(TEMPLATES, seed=1))
    insert(connection, Rows(models=[SHADOW]))


def add_predictions(connection: Connection, rows: int, first: datetime, days: int) -> None:
    """So many predictions in so many days from `first` on, a tenth of them with feedback."""
    values = {
        "first": first,
        "second_day": FIRST_DAY + timedelta(days=1),
        "days": days,
        "rows": rows,
        "templates": TEMPLATES,
        "run_id": SHADOW.run_id,
        "version": SHADOW.version,
    }
    connection.timeout = 600
    with connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for sql in (PREDICTIONS, FEEDBACK, SHADOWS):
            cursor.execute(sql, values)


def vacuum(connection: Connection) -> None:
    """Let PostgreSQL know how many rows there are, as autovacuum does later."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.autocommit = False
