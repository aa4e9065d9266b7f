"""Which snapshots there should be: pure rules."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from vehicle_price.monitoring import snapshot_address
from vehicle_price.monitoring.statuses import ALARMS, Status
from vehicle_price.prediction_log.monitoring_store import Result

WINDOWS = 100  # the latest ones, of which there may be snapshots
JUDGED = (Status.OK, *ALARMS)


class Picture(NamedTuple):
    """A snapshot: what is judged in one window of a channel. metric: drift_day or drift_week."""

    channel: str
    metric: str
    start: datetime
    end: datetime
    status: str

    @property
    def project(self) -> UUID:
        """Evidently's project."""
        return snapshot_address.project_id(self.channel)

    @property
    def snapshot(self) -> UUID:
        """Evidently's snapshot."""
        return snapshot_address.snapshot_id(self.channel, self.metric, self.start)


def is_pictured(metric: str, verdict: str) -> bool:
    """Each day that was judged, and each week that has drifted: a week is seven of these days."""
    return verdict in (JUDGED if metric == "drift_day" else ALARMS)


def wanted(results: Sequence[Result], count: int) -> list[Picture]:
    """The newest `count` pictures, oldest first. results: of whole windows, oldest first."""
    pictures = [
        Picture(r.channel, r.metric, r.window_start, r.window_end, r.status)
        for r in results
        if not r.model_version and is_pictured(r.metric, r.details.get("verdict", r.status))
    ]
    return pictures[-count:] if count > 0 else []


def workspace(evidently_dir: str) -> Path:
    """The folder that Evidently's pages read."""
    return Path(evidently_dir) / "workspace"


def drafts(folder: Path) -> Path:
    """The folder of unfinished files, beside a workspace."""
    return folder.parent / "drafts"


def file_of(folder: Path, picture: Picture) -> Path:
    """The file of a snapshot in a workspace."""
    return folder / str(picture.project) / "snapshots" / f"{picture.snapshot}.json"


def superfluous(folder: Path, pictures: Sequence[Picture]) -> list[Path]:
    """The snapshots in a workspace that are not wanted any more."""
    kept = {file_of(folder, picture) for picture in pictures}
    return sorted(path for path in folder.glob("*/snapshots/*.json") if path not in kept)
