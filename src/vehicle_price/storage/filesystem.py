"""A folder that is local or on S3, with whole files.

The address decides: `s3://bucket/prefix` is S3 (s3.py), everything else a local path.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vehicle_price.atomic_files import replace_file
from vehicle_price.storage.s3 import S3Folder

DRAFTS = ".drafts/"  # files that a killed process had begun


class Folder(Protocol):
    """Files below one address. Names are relative, with slashes.

    uri: the address.
    """

    uri: str

    def folder(self, name: str) -> "Folder":
        """The folder with this name in it, over the same connection."""

    def read(self, name: str) -> bytes:
        """The content. Raises FileNotFoundError."""

    def write(self, name: str, content: bytes) -> None:
        """Create or overwrite a file; readers see the whole content or none of it."""

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """(name, seconds since it was written) of every file whose name starts with `prefix`."""

    def delete(self, names: Sequence[str]) -> None:
        """Remove files; a file that does not exist is fine."""

    def log_options(self) -> dict[str, str]:
        """What deltalake needs to open a table in this folder (its storage_options)."""


def is_remote(uri: str) -> bool:
    """Whether the address is one of S3."""
    return uri.startswith("s3://")


def open_folder(uri: str) -> Folder:
    """The folder at an address. Creates nothing and connects to nothing yet."""
    return S3Folder(uri.rstrip("/")) if is_remote(uri) else LocalFolder(Path(uri))


class LocalFolder:
    """A folder on this machine (see Folder)."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.uri = str(self.path)

    def folder(self, name: str) -> "LocalFolder":
        """See Folder."""
        return LocalFolder(self.path / name)

    def read(self, name: str) -> bytes:
        """See Folder."""
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """See Folder."""
        replace_file(self.path / name, content, draft_folder=self.path / DRAFTS)

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """See Folder."""
        files = [path for path in (self.path / prefix).rglob("*") if path.is_file()]
        now = time.time()
        return [(str(p.relative_to(self.path)), now - p.stat().st_mtime) for p in files]

    def delete(self, names: Sequence[str]) -> None:
        """See Folder."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def log_options(self) -> dict[str, str]:
        """See Folder."""
        return {}
