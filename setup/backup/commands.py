"""Run the programs that read and write an installation's data, and hash what they write."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

from setup.backup.errors import BackupError
from setup.backup.manifest import FileFacts

CHUNK = 2**20


class Command(NamedTuple):
    """words: a program and its arguments. environ: all its variables; passwords are there, since
    everybody on the machine can read arguments."""

    words: tuple[str, ...]
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """For people: without arguments, which may be long."""
        return " ".join(Path(word).name for word in self.words[:2])


def save_output(command: Command, path: Path) -> FileFacts:
    """Write the output of a command to a new file of mode 0600; its size and hash.

    Raises BackupError if the command fails, or if the file cannot be written.
    """
    with tempfile.TemporaryFile() as errors:
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen(
            command.words,
            env=dict(command.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        with process:
            try:
                facts = _copy(process, path)
            except BaseException as error:
                process.kill()  # nobody reads the rest
                if isinstance(error, OSError):
                    raise BackupError(
                        f"{path} cannot be written ({error.strerror}): make room there, or choose "
                        "another place"
                    ) from error
                raise
        _check(command, process.returncode, errors)
    return facts


def _copy(process: subprocess.Popen[bytes], path: Path) -> FileFacts:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        while chunk := process.stdout.read(CHUNK) if process.stdout else b"":
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return FileFacts(size, digest.hexdigest())


def give_input(command: Command, path: Path) -> None:
    """Run a command that reads the file. Raises BackupError if it fails."""
    with path.open("rb") as file, tempfile.TemporaryFile() as errors:
        completed = subprocess.run(
            command.words,
            env=dict(command.environ),
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            check=False,
        )
        _check(command, completed.returncode, errors)


def _check(command: Command, code: int, errors: IO[bytes]) -> None:
    if code:
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()[-8:]
        raise BackupError(f"{command.name} ended with {code}: " + "\n".join(lines))
