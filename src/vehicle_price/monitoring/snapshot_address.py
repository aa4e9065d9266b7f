"""Where Evidently shows the pictures of a window: an address by rule, known before they exist."""

import uuid
from datetime import UTC, datetime

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "vehicle-price/monitoring")


def project_id(channel: str) -> uuid.UUID:
    """Evidently's project of a channel."""
    return uuid.uuid5(NAMESPACE, channel)


def snapshot_id(channel: str, metric: str, window_start: datetime) -> uuid.UUID:
    """Evidently's snapshot of a window. metric: drift_day or drift_week."""
    key = f"{metric} {window_start.astimezone(UTC).isoformat()}"
    return uuid.uuid5(project_id(channel), key)


def snapshot_path(channel: str, metric: str, window_start: datetime) -> str:
    """The address of a snapshot below EVIDENTLY_URL."""
    snapshot = snapshot_id(channel, metric, window_start)
    return f"/projects/{project_id(channel)}/reports/{snapshot}"
