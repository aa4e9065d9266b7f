"""manifest.json: what a backup holds. It is written last, so a backup without it does not count."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from setup.backup.errors import BackupError

NAME = "manifest.json"
FORMAT = 1  # a restore reads this format and older ones


class FileFacts(NamedTuple):
    """Size in bytes and SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What was saved.

    made_at: UTC. postgresql: its major version, 0 without a database. production: version of the
    model, "" for none. rows: database → table → number. waiting: records of the outbox. files:
    name → facts. elsewhere: what is not in it → its address. encrypted: what only Airflow's key
    reads. fernet_key: SHA-256 of that key, which has 256 random bits.
    """

    format: int
    made_at: str
    commit: str
    version: str
    runtime: str
    postgresql: int = 0
    production: str = ""
    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    waiting: int = 0
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    encrypted: tuple[str, ...] = ()
    fernet_key: str = ""

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(facts.bytes for facts in self.files.values())

    def to_json(self) -> bytes:
        """The content of manifest.json."""
        files = {name: facts._asdict() for name, facts in self.files.items()}
        return json.dumps(asdict(self) | {"files": files}, indent=1).encode()


def read(content: bytes, address: str) -> Manifest:
    """The manifest in a file. Raises BackupError for one that this version cannot read."""
    try:
        found = json.loads(content)
        newest = int(found["format"])
        if newest > FORMAT:
            raise BackupError(
                f"{address} has format {newest}, this version reads {FORMAT}: restore it with the "
                f"version that made it, {found.get('version')}, commit {found.get('commit')}"
            )
        files = {name: FileFacts(**facts) for name, facts in found["files"].items()}
        known = {one.name for one in fields(Manifest)}
        given = {name: value for name, value in found.items() if name in known}
        encrypted = tuple(given.pop("encrypted", ()))
        return Manifest(**given | {"files": files, "encrypted": encrypted})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(
            f"{address}/{NAME} is damaged ({error!r}): take another backup"
        ) from error


def facts_of(path: Path) -> FileFacts:
    """Size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(path.stat().st_size, digest)


def verify(manifest: Manifest, folder: Path, address: str) -> None:
    """Compare every file in the folder with the manifest. address: of the backup, for people.

    Raises BackupError with the name of each file that is missing or damaged.
    """
    faults = [fault for name in manifest.files if (fault := _fault(manifest, name, folder / name))]
    if faults:
        raise BackupError(
            f"{address} cannot be restored, nothing was changed: {'; '.join(faults)}. Take another "
            "backup, or put these files back from a copy"
        )


def _fault(manifest: Manifest, name: str, path: Path) -> str:
    expected = manifest.files[name]
    if not path.is_file():
        return f"{name} is missing"
    found = facts_of(path)
    if found.bytes != expected.bytes:
        return f"{name} has {found.bytes} bytes instead of {expected.bytes}"
    return "" if found == expected else f"{name} is damaged: its SHA-256 is {found.sha256[:12]}…"
