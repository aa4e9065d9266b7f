"""`python -m evidently_service.archive`: archive and delete what is old enough, and end.

--dry-run prints what that would be. `prediction-archive` (daily.py) starts it once a day. One run
at a time. It signs in as the owner of the database, who alone may delete.
"""

import argparse
import logging
import os
import sys

from evidently_service.archive import job
from evidently_service.archive.plan import Work, make_plan, work_of
from vehicle_price import log_setup
from vehicle_price.prediction_log.database import (
    Connection,
    address_of,
    connected,
    translated,
    try_advisory_lock,
)
from vehicle_price.prediction_log.errors import DatabaseUnavailable, InvalidRow
from vehicle_price.prediction_log.migrations.schema import prepare
from vehicle_price.prediction_log.retention.pruning import delete_old
from vehicle_price.settings import Settings
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import open_folder

log = logging.getLogger("evidently_service.archive")

LOCK = 7_316_356_415  # key of the advisory lock: any number, the same in every process
SECONDS = 300.0  # for an answer of the database
NICE = 10  # prices go first


def main() -> int:
    """Do it, or only print it; 1 if the database or the folder is away, or another run works."""
    parser = argparse.ArgumentParser(prog="python -m evidently_service.archive")
    parser.add_argument("--dry-run", action="store_true", help="print what a run would do")
    dry_run = parser.parse_args().dry_run
    settings = Settings.from_environment()
    log_setup.configure(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.nice(NICE)
    address = address_of(settings)
    try:
        prepare(address)
        with connected(address, SECONDS) as connection, translated(address):
            if dry_run:
                _print(work_of(connection, make_plan(connection, settings)))
                return 0
            return _run(connection, settings)
    except (DatabaseUnavailable, InvalidRow, StorageError, OSError) as error:
        log.error("%s; what is not archived yet stays in the database", error)
        return 1


def _run(connection: Connection, settings: Settings) -> int:
    if not try_advisory_lock(connection, LOCK):
        log.error("another run of the archive is at work; wait for its end")
        return 1
    folder = open_folder(f"{settings.data_root.rstrip('/')}/archive")
    job.finish_begun(connection, folder)
    plan = make_plan(connection, settings)
    if plan.archive_before:
        archived = job.archive(connection, folder, plan.archive_before)
        log.info("archived %d rows from before %s", archived, plan.archive_before)
    for table, deleted in delete_old(connection, plan.limits).items():
        log.info("deleted %d rows of %s", deleted, table)
    return 0


def _print(work: Work) -> None:
    """The work is the result of --dry-run, so it goes to stdout; the log is on stderr."""
    for day, count in work.days:
        print(f"archive {day}: {count:,} predictions")
    if work.reports:
        print(f"archive {work.reports:,} reports")
    if work.begun:
        print(f"finish {work.begun:,} files that an earlier run has begun")
    for table, count in work.old.items():
        print(f"delete from {table}: {count:,} rows")
    if not work.is_any:
        print("nothing has reached its age (settings RETENTION_…_DAYS)")


if __name__ == "__main__":
    sys.exit(main())
