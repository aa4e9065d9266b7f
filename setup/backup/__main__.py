"""`python -m setup.backup save|restore|list|check`: the commands behind the Makefile.

    python -m setup.backup save    PLACE [--keep N]    a folder or s3://bucket/prefix
    python -m setup.backup restore PLACE/BACKUP        into an empty installation
    python -m setup.backup list    PLACE
    python -m setup.backup check   PLACE/BACKUP        every file against its hash

RUNTIME chooses the runtime, as for `make build`.
"""

import argparse
import logging
import os
import sys
import warnings
from pathlib import Path

import psycopg2

from setup.backup.errors import BackupError
from setup.backup.manifest import Manifest
from setup.backup.place import Place
from setup.backup.restoring import check, manifest_of, restore, unreadable
from setup.backup.runtimes.installation import Installation
from setup.backup.saving import Saving
from setup.docker.engine import EngineError
from setup.native.environment import EmptySecret, settings_from
from setup.runtime import choice
from setup.runtime.interrupted import restore_mark
from setup.runtime.main_job import say
from vehicle_price.atomic_files import lock
from vehicle_price.storage.errors import StorageError

ERRORS = (
    *(BackupError, StorageError, EngineError, EmptySecret, choice.WrongRuntime, psycopg2.Error),
    *(OSError, ValueError),
)


def installation(runtime: str) -> Installation:
    """The platform of this folder and environment."""
    if runtime == choice.DOCKER:
        from setup.backup.runtimes.docker import DockerInstallation

        return DockerInstallation(os.environ)
    from setup.backup.runtimes.native import NativeInstallation

    return NativeInstallation(os.environ)


def make_backup(place: Place, keep: int) -> None:
    """Make a backup; with `keep`, delete all but the newest ones, and what was given up."""
    running = choice.of_running(os.environ)
    if len(running) > 1:
        raise BackupError(f"{' and '.join(running)} run: choose one with RUNTIME=")
    saving = Saving(installation(running[0]), place, say)
    describe(saving.run(), saving.backup.uri)
    if keep:
        complete, given_up = place.backups()
        for name in [*complete[:-keep], *given_up]:
            place.remove(name)
            say(f"{name} removed")


def make_restore(backup: Place) -> None:
    """Restore a backup; `make build` starts the platform."""
    runtime, why = choice.to_build(os.environ)
    print(f"Runtime: {runtime} ({why})", flush=True)
    target = installation(runtime)
    manifest = restore(target, backup, restore_mark(os.environ), say)
    describe(manifest, backup.uri)
    if lost := unreadable(manifest, target):
        print(
            f"Airflow cannot read these, which another key encrypts: {', '.join(lost)}. Enter them "
            "again, or put the key of the old installation back (setup/backup.md)"
        )


def list_backups(place: Place) -> None:
    """Print the backups of a place."""
    complete, given_up = place.backups()
    for name in complete:
        manifest = manifest_of(place.place(name))
        model = f"version {manifest.production}" if manifest.production else "no model"
        print(f"{name}  {manifest.bytes / 1e6:10.1f} MB  {manifest.runtime:<7} {model}")
    for name in given_up:
        print(f"{name}  incomplete; the next backup with KEEP removes it")
    if not complete:
        print(f"There is no backup in {place.uri}.")


def check_backup(backup: Place) -> None:
    """Verify every file of a backup."""
    describe(check(backup), backup.uri)


def describe(manifest: Manifest, address: str) -> None:
    """Print what a backup holds."""
    log = manifest.rows.get("vehicle_price", {})
    print(f"\n  {'Backup':<16} {address}")
    print(f"  {'Made':<16} {manifest.made_at}, version {manifest.version}, {manifest.commit[:12]}")
    print(f"  {'Size':<16} {manifest.bytes / 1e6:.1f} MB in {len(manifest.files)} files")
    print(f"  {'Production':<16} {manifest.production or 'no model'}")
    print(
        f"  {'Predictions':<16} {log.get('predictions', 0)}, and {manifest.waiting} in the outbox"
    )
    for name, where in manifest.elsewhere.items():
        print(f"  {'Not in it':<16} {name}, in {where}")


def main() -> int:
    """Run one command; 1 with a message when it fails."""
    parser = argparse.ArgumentParser(prog="python -m setup.backup", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=("save", "restore", "list", "check"))
    parser.add_argument("place", help="a folder or s3://bucket/prefix")
    parser.add_argument("--keep", type=int, default=0, help="number of backups to keep; 0: all")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")  # of PostgreSQL's package; not needed
    os.umask(0o077)
    try:
        if not arguments.place or arguments.keep < 0:
            raise BackupError(
                "name a folder or s3://bucket/prefix (TO= or FROM=); KEEP= is a number of backups"
            )
        _run(arguments.command, arguments.place, arguments.keep)
    except KeyboardInterrupt:
        return 130
    except TimeoutError:
        print("\nanother backup or restore of this installation is under way", file=sys.stderr)
        return 1
    except ERRORS as error:
        print(f"\n{str(error).strip()}", file=sys.stderr)
        return 1
    return 0


def _run(command: str, uri: str, keep: int) -> None:
    local = Path(settings_from(os.environ).local_dir)
    place = Place(uri, scratch=local)
    if command == "save" and f"{place.uri}/".startswith(f"{local.resolve()}/"):
        raise BackupError(f"{place.uri} is in {local}, which make clean deletes: choose another")
    if command == "list":
        list_backups(place)
    elif command == "check":
        check_backup(place)
    else:
        with lock(local / "backup.lock", timeout=0):
            if command == "save":
                make_backup(place, keep)
            else:
                make_restore(place)


if __name__ == "__main__":
    sys.exit(main())
