"""The whole report, from one moment of the database."""

from typing import TYPE_CHECKING, Any

from vehicle_price.prediction_log.report import channels, columns, history, performance
from vehicle_price.prediction_log.report.period import last_windows, read_windows
from vehicle_price.prediction_log.report.scope import Scope

if TYPE_CHECKING:
    from vehicle_price.prediction_log.database import Connection

ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def read_report(connection: "Connection", scope: Scope) -> dict[str, Any]:
    """What monitoring has stored about the last closed windows. Raises psycopg2's errors.

    Statuses, limits and natural distances are the stored ones: nothing is judged again.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(ONE_MOMENT)
        period = last_windows(cursor, scope.windows)
        changes = history.read_changes(cursor)
        return {
            **read_windows(cursor, period),
            "production": changes[0] if changes else None,
            "versions": performance.read_versions(cursor, period),
            "channels": channels.read_channels(cursor, period),
            "columns": columns.read_columns(cursor, scope, period),
            "worst_columns": columns.read_worst(cursor, scope, period),
            "skew": columns.read_skew(cursor, scope, period),
            "performance": performance.read_performance(cursor, scope, period),
            "segments": performance.read_segments(cursor, scope, period),
            "incidents": history.read_incidents(cursor, period),
            "retrainings": history.read_retrainings(cursor),
            "production_changes": changes,
        }
