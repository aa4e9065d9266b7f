"""Atomic replacement and creation of files, and locks on files.

A reader sees the old content or the new content, never a part of it. A lock ends with its process,
even after `kill -9`.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIRST_POLL_SECONDS, POLL_SECONDS = 0.0002, 0.05


def replace_file(
    path: Path,
    content: bytes,
    mode: int = 0o666,
    sync: bool = True,
    draft_folder: Path | None = None,
) -> None:
    """Create or replace the file `path`, and its folder if it does not exist.

    mode: permissions of the file, reduced by the umask. sync: the content is on the disk before it
    becomes visible. draft_folder: where the draft is written (default: beside the file); must be on
    the same file system. Only a killed process leaves its draft.
    """
    with _draft(path, content, mode, sync, draft_folder) as draft:
        draft.replace(path)


def create_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Create the file `path`, complete from its first moment.

    Raises FileExistsError when the file exists; of several processes, one creates it.
    """
    with _draft(path, content, mode, sync=True) as draft:
        os.link(draft, path)


@contextmanager
def _draft(
    path: Path, content: bytes, mode: int, sync: bool, folder: Path | None = None
) -> Iterator[Path]:
    """A new file with the content, removed at the end unless it was renamed."""
    folder = folder or path.parent
    for parent in (path.parent, folder):
        parent.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def lock(
    path: Path, timeout: float | None = None, when_waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`, which is created.

    timeout: seconds to wait at most (default: no limit); then TimeoutError is raised.
    when_waiting: called once when another process has the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not try_lock(file):
            if when_waiting:
                when_waiting()
            _wait_for_lock(file, path, timeout)
        yield


def try_lock(file: Any) -> bool:
    """Lock an open file until it is closed; False when another process has the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(file: Any, seconds: float, shared: bool = False) -> None:
    """Lock an open file or descriptor, until it is closed or unlocked.

    A process that was stopped keeps its locks, so nobody waits for longer than `seconds`: then
    TimeoutError is raised.
    """
    operation = fcntl.LOCK_NB | (fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    deadline, pause = time.monotonic() + seconds, FIRST_POLL_SECONDS
    while True:
        try:
            fcntl.flock(file, operation)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"locked by another process for {seconds:g} s") from None
            time.sleep(pause)
            pause = min(2 * pause, POLL_SECONDS)


def unlock(file: Any) -> None:
    """Give a lock back before the file is closed."""
    fcntl.flock(file, fcntl.LOCK_UN)


def _wait_for_lock(file: Any, path: Path, timeout: float | None) -> None:
    if timeout is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    try:
        lock_within(file, timeout)
    except TimeoutError as error:
        raise TimeoutError(f"{path} was {error}") from None
