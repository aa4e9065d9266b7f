"""A folder that is local or on S3: whole files, and a replacement that detects other writers.

The address decides: `s3://bucket/prefix` is S3 (s3.py), everything else a local path.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ContextManager, Protocol

from vehicle_price.atomic_files import lock, replace_file
from vehicle_price.storage.errors import Conflict, StorageError
from vehicle_price.storage.s3 import S3Folder

LOCK_SECONDS = 600


class Folder(Protocol):
    """Files below one address. Names are relative, with slashes.

    uri: the address. version of a file: text that changes with its content; "": no such file.
    """

    uri: str

    def read(self, name: str) -> bytes:
        """The content. Raises FileNotFoundError."""

    def read_versioned(self, name: str) -> tuple[bytes, str]:
        """The content and its version; (b"", "") when there is no such file."""

    def write(self, name: str, content: bytes) -> None:
        """Create or overwrite a file; readers see the whole content or none of it."""

    def replace(self, name: str, content: bytes, version: str) -> None:
        """Overwrite a file that still is at `version`. Raises Conflict when it is not."""

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """(name, seconds since it was written) of every file whose name starts with `prefix`."""

    def delete(self, names: Sequence[str]) -> None:
        """Remove files; a file that does not exist is fine."""

    def exclusive(self) -> ContextManager[bool]:
        """Lock other writers out of the `with` block; False where that is impossible (S3)."""


def is_remote(uri: str) -> bool:
    """Whether the address is one of S3."""
    return uri.startswith("s3://")


def open_folder(uri: str) -> Folder:
    """The folder at an address. Creates nothing and connects to nothing yet."""
    return S3Folder(uri.rstrip("/")) if is_remote(uri) else LocalFolder(Path(uri))


class LocalFolder:
    """A folder on this machine (see Folder). One writer at a time holds a file lock."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.uri = str(self.path)

    def read(self, name: str) -> bytes:
        """See Folder."""
        return (self.path / name).read_bytes()

    def read_versioned(self, name: str) -> tuple[bytes, str]:
        """See Folder."""
        try:
            content = self.read(name)
        except FileNotFoundError:
            return b"", ""
        return content, hashlib.sha256(content).hexdigest()

    def write(self, name: str, content: bytes) -> None:
        """See Folder."""
        replace_file(self.path / name, content, draft_folder=self.path / ".drafts")

    def replace(self, name: str, content: bytes, version: str) -> None:
        """See Folder. Only safe within exclusive()."""
        if self.read_versioned(name)[1] != version:
            raise Conflict(name)
        self.write(name, content)

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """See Folder."""
        files = [path for path in (self.path / prefix).rglob("*") if path.is_file()]
        now = time.time()
        return [(str(p.relative_to(self.path)), now - p.stat().st_mtime) for p in files]

    def delete(self, names: Sequence[str]) -> None:
        """See Folder."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """See Folder. Waits LOCK_SECONDS, then raises StorageError."""
        with ingest_lock(self.path / ".lock"):
            # Only a killed writer leaves a draft: this process has the lock and wrote none yet.
            self.delete([name for name, _ in self.names(".drafts/")])
            yield True


@contextmanager
def ingest_lock(path: Path, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`. Raises StorageError after `timeout` seconds."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(path, timeout))
        except TimeoutError as error:
            raise StorageError(
                f"{path}: another ingest has held it for {timeout:g} s; "
                "end that process or wait, then ingest again"
            ) from error
        yield
