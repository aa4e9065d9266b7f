"""The folder of Evidently's pages: projects, their panels, and the files of snapshots.

Evidently's own functions write a file in place, so that a killed process leaves half a file, with
which its pages do not start any more. Here files are complete from their first moment.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evidently.core.report import Snapshot
from evidently.legacy.utils import NumpyEncoder
from evidently.sdk.models import DashboardModel, DashboardTabModel, ProjectModel

from evidently_service.snapshots.figures import improved
from evidently_service.snapshots.panels import panels
from evidently_service.snapshots.rows import PicturedColumn
from evidently_service.snapshots.wanted import Picture, drafts, file_of
from vehicle_price.atomic_files import replace_file
from vehicle_price.monitoring.snapshot_address import project_id

TABS = {"drift_day": "Days", "drift_week": "Weeks"}


def write_project(workspace: Path, channel: str) -> None:
    """Make the project of a channel, and its panels; the same content is not written again."""
    identity = project_id(channel)
    project = ProjectModel(
        id=identity,
        name=f"Requests: {channel}",
        description="Each day window, and each week window that drifted, against the reference.",
    )
    folder = workspace / str(identity)
    _write(workspace, folder / "dashboard.json", _plain(dashboard(channel)))
    _write(workspace, folder / "metadata.json", _plain(project))


def write_snapshot(
    workspace: Path, picture: Picture, snapshot: Snapshot, columns: Sequence[PicturedColumn]
) -> None:
    """Write a snapshot, or replace it. columns: that it shows."""
    model = improved(_plain(snapshot.to_snapshot_model()), columns)
    _write(workspace, file_of(workspace, picture), model)


def dashboard(channel: str) -> DashboardModel:
    """The panels of a channel's project, in a tab for each kind of window."""
    by_metric = {metric: panels(channel, metric) for metric in TABS}
    tabs = [
        DashboardTabModel(
            id=uuid.uuid5(project_id(channel), metric),
            title=TABS[metric],
            panels=[panel.id for panel in made],
        )
        for metric, made in by_metric.items()
    ]
    return DashboardModel(
        tabs=tabs, panels=[panel for made in by_metric.values() for panel in made]
    )


def _plain(model: Any) -> dict[str, Any]:
    """A model of Evidently's as plain data: it holds scalars of numpy, dates and UUIDs."""
    return json.loads(json.dumps(model.dict(), cls=NumpyEncoder))


def _write(workspace: Path, path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON, unless the file has this content.

    The draft is outside the workspace: Evidently's pages watch that folder, and take a file into
    account only when it appears there under its own name.
    """
    content = json.dumps(data).encode()
    if not path.exists() or path.read_bytes() != content:
        replace_file(path, content, draft_folder=drafts(workspace))
