"""Restore a backup into an empty installation: everything is checked before anything changes."""

from collections.abc import Callable
from pathlib import Path

from setup.backup import databases
from setup.backup.commands import give_input
from setup.backup.errors import BackupError
from setup.backup.manifest import NAME as MANIFEST
from setup.backup.manifest import Manifest, read, verify
from setup.backup.place import Place
from setup.backup.runtimes.installation import Installation, local_parts
from setup.backup.saving import elsewhere, fingerprint, stream_command
from vehicle_price.atomic_files import replace_file


def manifest_of(backup: Place) -> Manifest:
    """The manifest of a complete backup. Raises BackupError, StorageError."""
    try:
        return read(backup.folder.read(MANIFEST), backup.uri)
    except FileNotFoundError as error:
        complete, _ = backup.backups()
        known = f"It has these: {', '.join(complete[-5:])}" if complete else "See make backups"
        raise BackupError(
            f"{backup.uri} is not a complete backup: it has no {MANIFEST}, which is written last. "
            f"{known}"
        ) from error


def check(backup: Place) -> Manifest:
    """Verify every file of a backup. Raises BackupError, StorageError."""
    manifest = manifest_of(backup)
    with backup.local_copy(manifest.files) as folder:
        verify(manifest, folder, backup.uri)
    return manifest


def restore(
    installation: Installation, backup: Place, mark: Path, say: Callable[[str], None]
) -> Manifest:
    """Restore a backup, all of it or nothing. Raises BackupError, StorageError, OSError.

    mark: a file that is there meanwhile. If this is killed, `make build` finds it and refuses.
    """
    manifest = manifest_of(backup)
    check_fits(manifest, installation)
    if not mark.exists():
        check_empty(installation)
    with backup.local_copy(manifest.files) as folder:
        verify(manifest, folder, backup.uri)
        say(f"{len(manifest.files)} files are as they were saved")
        replace_file(mark, backup.uri.encode(), mode=0o600)
        try:
            installation.clear()
            try:
                installation.start()
                _load(installation, manifest, folder, say)
            finally:
                installation.end()
        except BaseException:
            installation.clear()
            mark.unlink()
            raise
    mark.unlink()
    return manifest


def check_fits(manifest: Manifest, installation: Installation) -> None:
    """Raise BackupError if the installation has other parts than the backup."""
    held = {f"{name}.dump" for name in installation.databases}
    held |= {f"{name}.tar" for name in local_parts(installation.parts)}
    for name in sorted(manifest.files.keys() - held):
        raise BackupError(
            f"the backup has {name}, which this installation keeps elsewhere or not at all "
            f"({elsewhere(installation)}): set SIDE, DATA_ROOT, ARTIFACT_ROOT and the databases' "
            "addresses as they were"
        )
    for name in sorted(held - manifest.files.keys()):
        raise BackupError(
            f"the backup has no {name}: it was in {manifest.elsewhere or 'another one'}. Set SIDE, "
            "DATA_ROOT, ARTIFACT_ROOT and the databases' addresses as they were"
        )
    here = elsewhere(installation)
    for name, address in manifest.elsewhere.items():
        if name in installation.parts and here.get(name) != address:
            raise BackupError(f"{name}: the backup expects them in {address}, not {here.get(name)}")


def check_empty(installation: Installation) -> None:
    """Raise BackupError if anything is there that a restore would overwrite."""
    if obstacles := installation.obstacles():
        raise BackupError(
            f"a restore needs an empty installation; nothing was changed: {'; '.join(obstacles)}. "
            f"{installation.way_out}"
        )


def unreadable(manifest: Manifest, installation: Installation) -> tuple[str, ...]:
    """Connections and variables of Airflow that only the key of the old installation reads."""
    same = manifest.fernet_key == fingerprint(installation.fernet_key)
    return () if same else manifest.encrypted


def _load(
    installation: Installation, manifest: Manifest, folder: Path, say: Callable[[str], None]
) -> None:
    for name, part in local_parts(installation.parts).items():
        command = stream_command(installation, part, "unpack", {"folder": part.folder})
        give_input(command, folder / f"{name}.tar")
        say(f"{name} restored")
    if not installation.databases:
        return
    check_server(manifest, databases.major_version(installation))
    for name in installation.databases:
        rows = manifest.rows[name]
        databases.load(installation, name, folder / f"{name}.dump", rows)
        say(f"{name}: {sum(rows.values())} rows restored")
    if "mlflow" in installation.databases:
        databases.check_production(installation, manifest.production)
    databases.adapt(installation)


def check_server(manifest: Manifest, major: int) -> None:
    """Raise BackupError if PostgreSQL's major version is older than that of the backup."""
    if major < manifest.postgresql:
        raise BackupError(
            f"the backup is of PostgreSQL {manifest.postgresql}, this server is {major}: restore "
            f"it with RUNTIME={manifest.runtime}, or into a newer server (POSTGRES_IMAGE)"
        )
