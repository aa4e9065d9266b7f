"""Locks on files. A lock ends with its process, however that ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.05


@contextmanager
def lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`. Raises TimeoutError after `timeout` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with path.open("a", encoding="utf-8") as file:
        while not try_lock(file):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} was locked for {timeout:g} s")
            time.sleep(POLL_SECONDS)
        yield


def try_lock(file: Any) -> bool:
    """Lock an open file until it is closed, if nobody else has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
