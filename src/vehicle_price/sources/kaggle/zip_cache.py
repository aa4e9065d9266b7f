"""The cache of one downloaded zip, and the version of the server's content it holds.

`NAME.zip` appears by a rename, after its size and all its checksums were verified. `NAME.zip.json`
holds the server's names of this version (ETag, Last-Modified). `NAME.zip.part` and
`NAME.zip.part.json` are the same for an incomplete download, which a killed run leaves, too.
"""

import json
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from vehicle_price.atomic_files import replace_file

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Version:
    """A version of the content: the server's ETag, Last-Modified and size in bytes (0: unknown)."""

    etag: str = ""
    modified: str = ""
    size: int = 0

    @property
    def validator(self) -> str:
        """Value for If-Range: never a weak ETag, which does not promise the same bytes."""
        return self.modified if self.etag.startswith("W/") else self.etag or self.modified

    def same_as(self, other: "Version") -> bool:
        """Whether both are the same content. A version without ETag and date equals no other."""
        named = bool(self.etag or self.modified)
        names = (self.etag, self.modified) == (other.etag, other.modified)
        return named and names and self.size in (0, other.size)


def partial_path(whole: Path) -> Path:
    """The path of the incomplete download."""
    return _beside(whole, ".part")


def read_version(path: Path) -> Version:
    """The version noted for a file; an empty Version when there is no valid note."""
    try:
        return Version(**json.loads(_note(path).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # no note, or another program's
        return Version()


def begin(partial: Path, version: Version) -> None:
    """Start a download: delete old bytes first, so that the new note never describes them."""
    partial.unlink(missing_ok=True)
    _write_note(partial, version)


def discard(partial: Path) -> None:
    """Delete an incomplete download."""
    partial.unlink(missing_ok=True)
    _note(partial).unlink(missing_ok=True)


def publish(partial: Path, whole: Path, version: Version) -> None:
    """Rename the verified download to `whole`; at no moment does a note describe other bytes."""
    _note(whole).unlink(missing_ok=True)
    partial.replace(whole)
    _write_note(whole, replace(version, size=size_of(whole)))
    _note(partial).unlink(missing_ok=True)


def zip_fault(path: Path) -> str:
    """Why the file is not a valid zip; empty when it is complete and its checksums are right."""
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    except ZIP_ERRORS as error:
        return f"no whole zip: {error}"
    return f"wrong checksum of {wrong} in the zip" if wrong else ""


def size_of(path: Path) -> int:
    """Size of a file in bytes; 0 when it does not exist."""
    return path.stat().st_size if path.is_file() else 0


def _write_note(path: Path, version: Version) -> None:
    content = json.dumps(asdict(version), indent=1) + "\n"
    replace_file(_note(path), content.encode(), sync=False)


def _note(path: Path) -> Path:
    return _beside(path, ".json")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
