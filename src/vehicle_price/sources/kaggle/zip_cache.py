"""A downloaded zip on disk, and which version of the server's content it is.

`NAME.zip` appears by a rename, after its size and every checksum in it were found right. Beside it
`NAME.zip.json` keeps what the server calls this version. `NAME.zip.part` and `NAME.zip.part.json`
are the same for what has arrived so far, also in a run that was killed.
"""

import json
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

NO_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Version:
    """Which content, in the server's words: ETag, Last-Modified and bytes (0: unknown)."""

    etag: str = ""
    modified: str = ""
    size: int = 0

    @property
    def validator(self) -> str:
        """For If-Range: a weak ETag does not promise the same bytes."""
        return self.modified if self.etag.startswith("W/") else self.etag or self.modified

    def same_as(self, other: "Version") -> bool:
        """Whether the server says so; a version without any name is like no other."""
        named = bool(self.etag or self.modified)
        names = (self.etag, self.modified) == (other.etag, other.modified)
        return named and names and self.size in (0, other.size)


def part_of(whole: Path) -> Path:
    """Where the bytes go until they are all there."""
    return _beside(whole, ".part")


def recalled(path: Path) -> Version:
    """The version noted for a file; one without names when nothing is known."""
    try:
        return Version(**json.loads(_note(path).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none, or written by something else
        return Version()


def begin(part: Path, version: Version) -> None:
    """Drop what has arrived and note what comes now, in an order that never pairs them wrongly."""
    part.unlink(missing_ok=True)
    _write_note(part, version)


def discard(part: Path) -> None:
    """Drop what has arrived."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def publish(part: Path, whole: Path, version: Version) -> None:
    """Put the checked part in the place of the whole; at no moment under another version's note."""
    _note(whole).unlink(missing_ok=True)
    part.replace(whole)
    _write_note(whole, replace(version, size=size_of(whole)))
    _note(part).unlink(missing_ok=True)


def zip_fault(path: Path) -> str:
    """Why this is no whole zip with right checksums; empty when it is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    except NO_ZIP as error:
        return f"no whole zip: {error}"
    return f"wrong checksum of {wrong} in the zip" if wrong else ""


def size_of(path: Path) -> int:
    """Bytes of a file, 0 when there is none."""
    return path.stat().st_size if path.is_file() else 0


def _write_note(path: Path, version: Version) -> None:
    new = _beside(_note(path), ".new")
    new.write_text(json.dumps(asdict(version), indent=1) + "\n", encoding="utf-8")
    new.replace(_note(path))


def _note(path: Path) -> Path:
    return _beside(path, ".json")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
