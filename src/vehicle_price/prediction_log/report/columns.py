"""The distance of each column and window, the columns that moved most, and skew."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from vehicle_price.monitoring.statuses import Status
from vehicle_price.prediction_log.report.channels import DAY
from vehicle_price.prediction_log.report.period import IN_PERIOD, Period
from vehicle_price.prediction_log.report.scope import Scope

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

SKEW = "skew"
WORST = 8  # columns of a channel
# Of several versions in a window, the one with most requests comes last.
OF_SCOPE = f"""
column_name <> '' AND {IN_PERIOD}
  AND (%(channel)s::text IS NULL OR channel = %(channel)s)
  AND (model_version = '' OR %(version)s::text IS NULL OR model_version = %(version)s)
"""
CELLS = f"""
SELECT channel, column_name, model_version, window_start, status, value, expected, threshold,
       jsonb_build_object('z', details->'z')
FROM monitoring_results WHERE metric = '{DAY}' AND {OF_SCOPE}
ORDER BY channel, column_name, window_start, rows
"""
LATEST_CELLS = f"""
WITH judged AS (
    SELECT channel, max(window_start) AS window_start FROM monitoring_results
    WHERE metric = '{DAY}' AND value IS NOT NULL AND {OF_SCOPE} GROUP BY channel
)
SELECT channel, column_name, model_version, window_start, status, value, expected, threshold,
       details
FROM monitoring_results JOIN judged USING (channel, window_start)
WHERE metric = '{DAY}' AND {OF_SCOPE} ORDER BY channel, column_name, rows
"""
SKEWS = f"""
SELECT DISTINCT ON (channel, column_name)
       channel, column_name, window_start, value, details->'blank', details->'training_blank'
FROM monitoring_results WHERE metric = '{SKEW}' AND {OF_SCOPE}
ORDER BY channel, column_name, window_end DESC, rows DESC
"""


class Cell(NamedTuple):
    """A column in a window. natural: mean distance of quiet windows; limit: the distance above
    which the column has drifted."""

    channel: str
    column: str
    version: str
    window_start: datetime
    status: str
    distance: float | None
    natural: float | None
    limit: float | None
    details: Mapping[str, Any]


def read_columns(cursor: "Cursor", scope: Scope, period: Period) -> list[dict[str, Any]]:
    """The rows of the heat map, as `heat_map` gives them."""
    cursor.execute(CELLS, period.values(scope))
    return heat_map((Cell(*row) for row in cursor.fetchall()), period)


def read_worst(cursor: "Cursor", scope: Scope, period: Period) -> list[dict[str, Any]]:
    """The columns nearest to, or beyond, their limit in the newest judged window, by channel."""
    cursor.execute(LATEST_CELLS, period.values(scope))
    return worst_columns(Cell(*row) for row in cursor.fetchall())


def read_skew(cursor: "Cursor", scope: Scope, period: Period) -> list[dict[str, Any]]:
    """How far requests are from the training rows, in the newest window of each column with it."""
    cursor.execute(SKEWS, period.values(scope))
    names = ("channel", "column", "window_start", "distance", "blank", "training_blank")
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return sorted(rows, key=lambda row: -(row["distance"] or 0.0))


def heat_map(cells: Iterable[Cell], period: Period) -> list[dict[str, Any]]:
    """Each channel and column with a list for each of status, distance, limit and z: a value for
    each window of the period, None where none is stored. Of equal windows the last cell counts."""
    found: dict[tuple[str, str], dict[datetime, Cell]] = {}
    for cell in cells:
        found.setdefault((cell.channel, cell.column), {})[cell.window_start] = cell
    return [
        {
            "channel": channel,
            "column": column,
            **{
                name: [_value(by_start.get(start), name) for start in period.starts]
                for name in ("status", "distance", "limit", "z")
            },
        }
        for (channel, column), by_start in found.items()
    ]


def _value(cell: Cell | None, name: str) -> object:
    if cell is None:
        return None
    return cell.details.get("z") if name == "z" else getattr(cell, name)


def worst_columns(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """Up to WORST columns of each channel, by distance / limit; without columns that never alarm.

    Of equal columns the last cell counts.
    """
    latest = {(cell.channel, cell.column): cell for cell in cells}
    watched = [c for c in latest.values() if c.status != Status.SHOWN and c.distance and c.limit]
    chosen: list[Cell] = []
    for channel in dict.fromkeys(cell.channel for cell in watched):
        of_channel = [cell for cell in watched if cell.channel == channel]
        chosen += sorted(of_channel, key=lambda c: -(c.distance or 0) / (c.limit or 1))[:WORST]
    return [_as_dict(cell) for cell in chosen]


def _as_dict(cell: Cell) -> dict[str, Any]:
    own = cell._asdict()
    details = own.pop("details")
    return own | {"z": details.get("z"), "movers": details.get("movers", [])}
