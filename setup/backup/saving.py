"""Make a backup of a running installation.

What moves is saved before the place that it moves to: records of the outbox, then the prediction
log, then the archive. What refers to files is saved before them: MLflow before its artifacts, the
log of a table of listings before its files. So nothing slips through while everything goes on.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from setup.backup import checks, databases
from setup.backup.commands import Command, save_output
from setup.backup.errors import BackupError
from setup.backup.manifest import FORMAT
from setup.backup.manifest import NAME as MANIFEST
from setup.backup.manifest import FileFacts, Manifest
from setup.backup.place import Place, name_of
from setup.backup.runtimes.installation import Installation, Part, local_parts
from setup.docker.images import commit, version

PROGRAM = Path(__file__).with_name("file_stream.py")
SNAPSHOT = "service.outbox.snapshot"
BEFORE_DATABASES = ("outbox",)


class Saving:
    """One backup that is being made. backup: its place."""

    def __init__(
        self, installation: Installation, place: Place, say: Callable[[str], None]
    ) -> None:
        self.made_at = datetime.now(UTC)
        self.backup = place.place(name_of(self.made_at))
        self._installation, self._say = installation, say
        self._files: dict[str, FileFacts] = {}
        self._dumps: dict[str, databases.Dump] = {}
        self._waiting = 0

    def run(self) -> Manifest:
        """Save everything, the manifest last. Raises BackupError, StorageError, OSError."""
        if self.backup.folder.names(""):
            raise BackupError(f"{self.backup.uri} exists: begin again a second later")
        has_databases = bool(self._installation.databases)
        postgresql = databases.major_version(self._installation) if has_databases else 0
        parts = local_parts(self._installation.parts)
        for name in (name for name in BEFORE_DATABASES if name in parts):
            self._save_part(name, parts.pop(name))
        for name in self._installation.databases:
            self._save_database(name)
        for name, part in parts.items():
            self._save_part(name, part)
        manifest = self._manifest(postgresql)
        self.backup.write_whole(MANIFEST, manifest.to_json())
        return manifest

    def _save_database(self, name: str) -> None:
        file = f"{name}.dump"
        with self.backup.new_file(file) as path:
            self._dumps[name] = databases.save(self._installation, name, path)
        self._add(file, self._dumps[name].facts)

    def _save_part(self, name: str, part: Part) -> None:
        file = f"{name}.tar"
        with self.backup.new_file(file) as path:
            facts = save_output(self._packing(name, part), path)
            if name == "outbox":
                self._waiting = checks.waiting_records(path)
            elif name == "artifacts":
                checks.check_artifacts(path, self._found("mlflow"))
            elif name == "listings":
                checks.check_tables(path)
        self._add(file, facts)

    def _packing(self, name: str, part: Part) -> Command:
        if part.snapshot:
            return self._installation.python(part, "-m", SNAPSHOT, *part.snapshot)
        options: dict[str, Any] = {"folder": part.folder, "skip": part.skip, "only": part.only}
        if name == "archive" and "vehicle_price" in self._dumps:
            # Files of later days: their rows are in the dump, and will be archived again.
            options |= {"only": [row[0] for row in self._found("vehicle_price")], "required": True}
        return stream_command(self._installation, part, "pack", options)

    def _manifest(self, postgresql: int) -> Manifest:
        production = self._found("mlflow")
        return Manifest(
            format=FORMAT,
            made_at=self.made_at.isoformat(timespec="seconds"),
            commit=commit(),
            version=version(),
            runtime=self._installation.runtime,
            postgresql=postgresql,
            production=str(production[0][0]) if production else "",
            rows={name: dump.rows for name, dump in self._dumps.items()},
            waiting=self._waiting,
            files=self._files,
            elsewhere=elsewhere(self._installation),
            encrypted=tuple(row[0] for row in self._found("airflow")),
            fernet_key=fingerprint(self._installation.fernet_key),
        )

    def _found(self, database: str) -> tuple[tuple[str, ...], ...]:
        return self._dumps[database].found if database in self._dumps else ()

    def _add(self, file: str, facts: FileFacts) -> None:
        self._files[file] = facts
        self._say(f"{file:<20} {facts.bytes / 1e6:10.1f} MB")


def stream_command(
    installation: Installation, part: Part, command: str, options: dict[str, Any]
) -> Command:
    """`file_stream.py` where the files of a part are."""
    text = PROGRAM.read_text(encoding="utf-8")
    return installation.python(part, "-c", text, command, json.dumps(options))


def elsewhere(installation: Installation) -> dict[str, str]:
    """What is not in a backup of this installation → where it is."""
    files = {name: part.elsewhere for name, part in installation.parts.items() if part.elsewhere}
    return {**installation.elsewhere, **files}


def fingerprint(key: str) -> str:
    """A hash that tells whether two keys are the same one."""
    return hashlib.sha256(key.encode()).hexdigest()
