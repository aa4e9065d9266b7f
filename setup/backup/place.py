"""Where backups are kept: a folder, or a prefix of a bucket on S3. A backup is a folder in it.

A backup counts once its manifest is there, which is written last.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from setup.backup.manifest import NAME as MANIFEST
from vehicle_price.atomic_files import replace_file
from vehicle_price.storage.filesystem import is_remote, open_folder
from vehicle_price.storage.s3 import S3Folder

NAME = re.compile(r"\d{8}T\d{6}Z")  # of a backup; other folders are none, whatever is in them
ABANDONED_SECONDS = 24 * 3600  # an incomplete backup may still be under way


def name_of(made_at: datetime) -> str:
    """The name of a backup that is made then, in UTC."""
    return made_at.strftime("%Y%m%dT%H%M%SZ")


class Place:
    """Files below one address. scratch: a local folder for copies of files on S3."""

    def __init__(self, uri: str, scratch: Path) -> None:
        self.folder = open_folder(uri if is_remote(uri) else str(Path(uri).expanduser()))
        self.uri = self.folder.uri
        self._scratch = scratch

    def place(self, name: str) -> "Place":
        """The place in it, such as one backup."""
        return Place(f"{self.uri}/{name}", self._scratch)

    def backups(self) -> tuple[list[str], list[str]]:
        """The names of the complete backups, the oldest first, and of those that were given up."""
        ages: dict[str, float] = {}
        complete = set()
        for path, age in self.folder.names(""):
            name, _, file = path.partition("/")
            if not NAME.fullmatch(name):
                continue
            if file:
                ages[name] = min(age, ages.get(name, age))
            if file == MANIFEST:
                complete.add(name)
        given_up = {name for name, age in ages.items() if age > ABANDONED_SECONDS} - complete
        return sorted(complete), sorted(given_up)

    def remove(self, backup: str) -> None:
        """Delete a backup, its manifest first: what is left does not count."""
        names = [name for name, _ in self.folder.names(f"{backup}/")]
        names.sort(key=lambda name: name != f"{backup}/{MANIFEST}")
        self.folder.delete(names)
        if not isinstance(self.folder, S3Folder):
            shutil.rmtree(Path(self.uri, backup))

    def write_whole(self, name: str, content: bytes) -> None:
        """Write a small file; nobody ever sees a part of it. Raises OSError, StorageError."""
        if isinstance(self.folder, S3Folder):
            self.folder.write(name, content)
        else:
            replace_file(Path(self.uri) / name, content, mode=0o600)

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """A local path to write a file to; at the end it is kept. Raises OSError, StorageError."""
        if not isinstance(self.folder, S3Folder):
            path = Path(self.uri) / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            yield path
            with path.open("rb") as file:
                os.fsync(file.fileno())
            return
        with self._draft() as draft:
            yield draft / "file"
            self.folder.send(draft / "file", name)

    @contextmanager
    def local_copy(self, names: Iterable[str]) -> Iterator[Path]:
        """A local folder with these files, as far as they are there. Raises StorageError."""
        if not isinstance(self.folder, S3Folder):
            yield Path(self.uri)
            return
        with self._draft() as copy:
            for name in names:
                with suppress(FileNotFoundError):
                    (copy / name).parent.mkdir(parents=True, exist_ok=True)
                    self.folder.fetch(name, copy / name)
            yield copy

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="backup-") as folder:
            yield Path(folder)
