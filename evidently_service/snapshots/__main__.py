"""`python -m evidently_service.snapshots`: write the missing snapshots, delete old ones, and end.

Only this program writes in the workspace. `evidently-service` starts it when a window has closed.
"""

import logging
import os
import sys
import time
from pathlib import Path

from evidently_service.snapshots.data import pictured_columns, wanted_pictures
from evidently_service.snapshots.wanted import Picture, drafts, file_of, superfluous, workspace
from vehicle_price import log_setup
from vehicle_price.atomic_files import lock
from vehicle_price.prediction_log.database import Connection, address_of, connected, translated
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.settings import Settings

log = logging.getLogger("evidently_service.snapshots")

SECONDS = 60.0  # for an answer of the database
NICE = 10  # prices go first


def main() -> int:
    """Write what is missing; 1 if the database is away, if another process has the workspace, or
    if a snapshot could not be made."""
    os.environ["DO_NOT_TRACK"] = "1"  # Evidently's telemetry; read when it is imported
    settings = Settings.from_environment()
    log_setup.configure(settings.log_level)
    os.nice(NICE)
    address = address_of(settings)
    folder = workspace(settings.evidently_dir)
    try:
        with (
            lock(folder.parent / "lock", timeout=SECONDS),
            connected(address, SECONDS) as connection,
            translated(address),
        ):
            return int(not update(connection, settings, folder))
    except (DatabaseUnavailable, TimeoutError) as error:
        log.warning("%s; the snapshots come later", error)
        return 1


def update(connection: Connection, settings: Settings, folder: Path) -> bool:
    """Make the workspace hold the wanted snapshots; whether all could be made.

    A repeated call changes nothing. Raises psycopg2's errors.
    """
    pictures = wanted_pictures(connection, settings)
    for path in [*superfluous(folder, pictures), *drafts(folder).glob("*")]:
        path.unlink()  # drafts are of processes that were killed
    missing = [picture for picture in pictures if not file_of(folder, picture).exists()]
    if not missing:
        return True
    from evidently_service.snapshots.workspace import write_project  # imports Evidently: seconds

    for channel in sorted({picture.channel for picture in missing}):
        write_project(folder, channel)
    started = time.monotonic()
    made = [_write(connection, settings, folder, picture) for picture in missing]
    log.info("%d of %d snapshots in %.1f s", sum(made), len(made), time.monotonic() - started)
    return all(made)


def _write(connection: Connection, settings: Settings, folder: Path, picture: Picture) -> bool:
    """Write a snapshot; False if Evidently fails, which it may for any reason: others go on."""
    from evidently_service.snapshots.report import make_snapshot
    from evidently_service.snapshots.workspace import write_snapshot

    columns = pictured_columns(connection, settings, picture)
    if not columns:
        log.warning("no reference for %s: the row was deleted, so there is no snapshot", picture)
        return True
    try:
        snapshot = make_snapshot(picture, columns, settings.drift_share)
    except Exception:  # pylint: disable=broad-exception-caught
        log.exception("no snapshot of %s", picture)
        return False
    write_snapshot(folder, picture, snapshot, columns)
    return True


if __name__ == "__main__":
    sys.exit(main())
