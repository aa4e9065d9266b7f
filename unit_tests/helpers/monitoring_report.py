"""A report as GET /monitoring answers it: two quiet weeks, then kilometres and dearer cars."""

from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
WINDOWS = 14
NEWEST = WINDOWS - 1


def moment(window: float) -> str:
    """The start of a window, as JSON has it."""
    return (FIRST + timedelta(days=window)).isoformat().replace("+00:00", "Z")


def verdict(status: str = "ok", window: int = NEWEST, **changed: Any) -> dict[str, Any]:
    """A stored verdict on a channel."""
    return {
        "window_start": moment(window),
        "status": status,
        "verdict": status,
        "drifting_share": 0.0,
        "severe_share": 0.3,
        "requests": 600,
        "effective": 600.0,
        "k": 5.5,
        "false_alarms": 0.003,
        "worst": [],
        "missing": "",
        "snapshot": f"/projects/p/reports/{window}",
    } | changed


def channel(name: str, state: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A channel whose newest window is `state`."""
    judged = None if state["status"] in ("learning", "not enough data") else state
    statuses = [state["status"]] * WINDOWS
    return {
        "channel": name,
        "latest": state,
        "judged": judged,
        "week": judged,
        "statuses": statuses,
        "reference": None,
    } | changed


def history(name: str, column: str, last: float, status: str) -> dict[str, Any]:
    """A column that was quiet until the newest window."""
    return {
        "channel": name,
        "column": column,
        "status": ["ok"] * NEWEST + [status],
        "distance": [0.03] * NEWEST + [last],
        "limit": [0.11] * WINDOWS,
        "z": [0.5] * NEWEST + [8.1],
    }


def moved(column: str, distance: float, status: str) -> dict[str, Any]:
    """A column of the newest judged window."""
    return {
        "channel": "api",
        "column": column,
        "version": "",
        "window_start": moment(NEWEST),
        "status": status,
        "distance": distance,
        "natural": 0.03,
        "limit": 0.11,
        "z": 8.1,
        "movers": [{"level": "<missing>", "reference": 0.1, "window": 0.4}],
    }


def figure(value: float | None, expected: float | None, limit: float | None, **changed: Any):
    """A stored figure of performance."""
    return {
        "status": "ok",
        "verdict": "ok",
        "value": value,
        "expected": expected,
        "limit": limit,
        "rows": 212,
        "effective": 200.0,
        "keys": 12,
        "missing": None,
    } | changed


def performance(
    window: int, log_ratio: float, version: str = "7", **changed: Any
) -> dict[str, Any]:
    """The figures of a window. changed: other figures than those of a good window."""
    wrong = {"status": "drift", "verdict": "drift"} if abs(log_ratio) > 0.06 else {}
    shown = {"status": "shown", "verdict": "shown"}
    figures = {
        "bias": figure(log_ratio, 0.0, 0.06, **wrong),
        "coverage": figure(0.9, 0.9, 0.84),
        "median_ape": figure(0.16, 0.15, 0.19),
        "mean_absolute_error": figure(2_600.0, None, None, **shown),
        "expected_error": figure(2_500.0, None, None, **shown),
        "interval_width": figure(9_000.0, None, None, **shown),
        "interval_score": figure(11_000.0, None, None, **shown),
        "feedback_share": figure(0.35, None, None, **shown),
    }
    return {
        "window_start": moment(window),
        "version": version,
        "role": "production",
        "figures": figures | changed,
    }


def incident(**changed: Any) -> dict[str, Any]:
    """An open page."""
    return {
        "rule": "performance_bias",
        "channel": "",
        "severity": "page",
        "message": "reported prices against ours: 0.223. A retraining follows the market",
        "opened_at": moment(WINDOWS),
        "last_seen_at": moment(WINDOWS),
        "resolved_at": None,
        "snapshot": None,
    } | changed


def retraining(**changed: Any) -> dict[str, Any]:
    """A retraining that ended well."""
    return {
        "state": "promoted",
        "causes": ["bias 0.223, 0.000 at the gate, beyond 0.060"],
        "serving": "7",
        "price_shift": 0.223,
        "dag_run_id": "monitoring-1",
        "outcome": "version 8: better",
        "started_at": moment(12.2),
        "ended_at": moment(12.3),
    } | changed


def change(version: str, previous: str | None, window: float) -> dict[str, Any]:
    """A version that came into production."""
    return {"version": version, "previous": previous, "changed_at": moment(window)}


def made_up_report(**changed: Any) -> dict[str, Any]:
    """The whole report, with some parts replaced."""
    changes = [change("7", None, 0.0)]
    return {
        "windows": [moment(window) for window in range(WINDOWS)],
        "last_end": moment(WINDOWS),
        "window_seconds": 86_400.0,
        "age_seconds": 10_800.0,
        "as_of": moment(WINDOWS + 0.125),
        "complete_until": moment(WINDOWS + 0.12),
        "production": changes[0],
        "versions": ["7"],
        "channels": [
            channel("api", verdict("severe drift", drifting_share=0.1)),
            channel("batch", verdict("not enough data", requests=40, effective=20.0)),
            channel("form", verdict("learning", missing="5 of 14 days")),
        ],
        "columns": [
            history("api", "odometer", 0.31, "severe drift"),
            history("api", "age", 0.05, "ok"),
        ],
        "worst_columns": [moved("odometer", 0.31, "severe drift"), moved("age", 0.05, "ok")],
        "skew": [],
        "performance": [performance(n, 0.02) for n in range(10, 13)] + [performance(13, 0.223)],
        "segments": [],
        "incidents": [incident()],
        "retrainings": [retraining(state="open", outcome="", ended_at=None)],
        "production_changes": changes,
        "dag_id": "train_vehicle_price",
    } | changed
