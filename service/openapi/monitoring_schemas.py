"""JSON Schema of what GET /monitoring answers."""

from service.openapi.shapes import ANY_OBJECT, TEXT, Schema, list_of, nullable, record, ref
from vehicle_price.monitoring.statuses import Status

MOMENT: Schema = {"type": "string", "format": "date-time"}
NUMBER: Schema = {"type": ["number", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
STATUS: Schema = {"enum": [str(status) for status in Status]}
SOME_TEXT: Schema = {"type": ["string", "null"]}


def components() -> dict[str, Schema]:
    """The named schemas of the report."""
    return {
        "Monitoring": _report(),
        "ChannelState": record(
            {
                "channel": TEXT,
                "latest": nullable(ref("DriftVerdict")),
                "judged": nullable(ref("DriftVerdict")),
                "week": nullable(ref("DriftVerdict")),
                "statuses": list_of(nullable(STATUS)),
                "reference": nullable(record({"frozen_at": MOMENT, "windows": COUNT})),
            }
        ),
        "DriftVerdict": record(
            {
                "window_start": MOMENT,
                "status": STATUS,
                "verdict": SOME_TEXT,
                "drifting_share": NUMBER,
                "severe_share": NUMBER,
                "requests": COUNT,
            }
        ),
        "ColumnHistory": record(
            {
                "channel": TEXT,
                "column": TEXT,
                "status": list_of(nullable(STATUS)),
                "distance": list_of(NUMBER),
                "limit": list_of(NUMBER),
                "z": list_of(NUMBER),
            }
        ),
        "ColumnDrift": record(
            {
                "channel": TEXT,
                "column": TEXT,
                "window_start": MOMENT,
                "status": STATUS,
                "distance": NUMBER,
                "natural": NUMBER,
                "limit": NUMBER,
                "z": NUMBER,
                "movers": list_of(record({"level": TEXT, "reference": NUMBER, "window": NUMBER})),
            }
        ),
        "Figure": _figure({}),
        "SegmentFigure": _figure({"segment": TEXT, "figure": TEXT, "window_start": MOMENT}),
        "WindowPerformance": record(
            {
                "window_start": MOMENT,
                "version": TEXT,
                "role": TEXT,
                "figures": {"type": "object", "additionalProperties": ref("Figure")},
            }
        ),
        "Incident": record(
            {
                "rule": TEXT,
                "channel": TEXT,
                "severity": TEXT,
                "message": TEXT,
                "opened_at": MOMENT,
                "last_seen_at": MOMENT,
                "resolved_at": nullable(MOMENT),
                "snapshot": SOME_TEXT,
            }
        ),
        "Retraining": record(
            {
                "state": {"enum": ["open", "promoted", "refused", "rejected", "failed"]},
                "causes": nullable(list_of(TEXT)),
                "dag_run_id": TEXT,
                "outcome": TEXT,
                "started_at": MOMENT,
                "ended_at": nullable(MOMENT),
            }
        ),
        "ProductionChange": record({"version": TEXT, "previous": SOME_TEXT, "changed_at": MOMENT}),
    }


def _report() -> Schema:
    return record(
        {
            "windows": list_of(MOMENT),
            "last_end": nullable(MOMENT),
            "window_seconds": NUMBER,
            "age_seconds": NUMBER,
            "as_of": MOMENT,
            "complete_until": nullable(MOMENT),
            "production": nullable(ref("ProductionChange")),
            "versions": list_of(TEXT),
            "channels": list_of(ref("ChannelState")),
            "columns": list_of(ref("ColumnHistory")),
            "worst_columns": list_of(ref("ColumnDrift")),
            "skew": list_of(ANY_OBJECT),
            "performance": list_of(ref("WindowPerformance")),
            "segments": list_of(ref("SegmentFigure")),
            "incidents": list_of(ref("Incident")),
            "retrainings": list_of(ref("Retraining")),
            "production_changes": list_of(ref("ProductionChange")),
            "dag_id": TEXT,
        }
    )


def _figure(more: dict[str, Schema]) -> Schema:
    numbers = dict.fromkeys(("value", "expected", "limit"), NUMBER)
    return record(more | {"status": STATUS, "rows": COUNT} | numbers)
