"""Files of a folder as a tar stream, and back. It runs where the files are: here or in a container.

    python file_stream.py pack   '{"folder": …, "skip": […], "only": […]}'  > files.tar
    python file_stream.py unpack '{"folder": …}'                            < files.tar

skip: folders that are left out. only: the names of the files, null for all; one that is missing is
left out, unless `required` is true. Only the standard library: `setup.backup` hands this text to
the Python of a container.
"""

import json
import os
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

UNFINISHED = (".drafts", ".scratch")  # folders of what a running process writes
LOG = "_delta_log"


class WrongFile(ValueError):
    """A file that cannot be in a backup; the message names it."""


def pack(options: Mapping[str, Any], out: IO[bytes]) -> None:
    """Write the files. One that is removed meanwhile is left out, unless it is required.

    The log of a Delta table comes before its files: so the files that the log names are there.
    """
    folder, only = Path(options["folder"]), options.get("only")
    with tarfile.open(fileobj=out, mode="w|") as tar:
        for name in only if only is not None else _logs_first(folder, options.get("skip", ())):
            try:
                _add(tar, folder, name)
            except FileNotFoundError:
                if options.get("required"):
                    raise


def unpack(options: Mapping[str, Any], stream: IO[bytes]) -> None:
    """Write the files of a tar stream into the folder. Raises FileExistsError, WrongFile."""
    folder = Path(options["folder"])
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not member.isreg() or path.is_absolute() or ".." in path.parts:
                raise WrongFile(f"{member.name}: not a file below {folder}")
            _write(folder / path, tar.extractfile(member), member)


def _logs_first(folder: Path, skip: Sequence[str]) -> Iterator[str]:
    for are_logs in (True, False):  # looked for again after the logs have been read
        for name in names(folder, skip):
            if (LOG in PurePosixPath(name).parts) == are_logs:
                yield name


def names(folder: Path, skip: Sequence[str] = ()) -> Iterator[str]:
    """The files below a folder, by their names; without those that are being written."""
    for parent, folders, files in os.walk(folder):
        below = Path(parent).relative_to(folder)
        folders[:] = sorted(
            name for name in folders if name not in UNFINISHED and str(below / name) not in skip
        )
        for name in folders:
            if (Path(parent) / name).is_symlink():
                raise WrongFile(f"{parent}/{name} is a link; move the folder itself there")
        # A log's pointer to its newest checkpoint before what may be newer than it.
        for name in sorted(files, key=lambda name: (not name.startswith("_"), name)):
            yield str(below / name)


def _add(tar: tarfile.TarFile, folder: Path, name: str) -> None:
    path = folder / name
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = facts.st_size, int(facts.st_mtime), 0o600
        if path.is_symlink() or not os.path.isfile(path):
            raise WrongFile(f"{path} is not a file")
        tar.addfile(member, file)


def _write(path: Path, source: IO[bytes] | None, member: tarfile.TarInfo) -> None:
    if source is None:
        raise WrongFile(f"{member.name}: no content")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := source.read(2**20):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    os.utime(path, (member.mtime, member.mtime))


def main(words: list[str]) -> int:
    """Run one command; 1 with a message when it fails."""
    os.umask(0o077)
    command, options = words[0], json.loads(words[1])
    try:
        if command == "pack":
            pack(options, sys.stdout.buffer)
        else:
            unpack(options, sys.stdin.buffer)
    except (OSError, ValueError, tarfile.TarError) as error:
        print(f"{options['folder']}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
