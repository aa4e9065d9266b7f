"""The files in which Gunicorn's workers keep their counters; Gunicorn's master maintains them.

The files are mapped into memory. There a full disk would kill the process, so disk space is
reserved before a file is used.

prometheus_client gives each process files of its own. The counts of a dead worker must stay, or
counters would fall. To keep the number of files bounded, the master adds a dead worker's counts to
`counter_dead.db` and `histogram_dead.db` and deletes the worker's files.
"""

import fcntl
import logging
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

from vehicle_price.atomic_files import lock_within

log = logging.getLogger(__name__)

LOCK = "lock"
LOCK_SECONDS = 5.0
RESERVED = 2**18  # bytes; some 1,700 numbers of one worker
MEMORY = "/dev/shm"  # a disk in memory, for when the real one is full


def wipe(folder: str | Path) -> None:
    """Delete all counters in `folder`: they start at 0 with Gunicorn's master."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db*"):
        file.unlink()


def reserve(folder: str | Path, pid: int) -> str:
    """Reserve disk space for the counters of worker `pid`; the folder that it must use.

    On a full disk this is a folder in memory. The worker goes on serving, and its counts are
    missing in the sums.
    """
    try:
        for kind in ("counter", "histogram"):
            _reserve(Path(folder) / f"{kind}_{pid}.db", RESERVED)
    except OSError as error:
        log.error("no room for metrics in %s, counting apart: %s", folder, error)
        return tempfile.mkdtemp(dir=MEMORY)
    return str(folder)


@contextmanager
def reading(folder: str | Path) -> Iterator[None]:
    """No files are folded while the block runs. The lock ends with its process.

    Raises TimeoutError when the master folds for LOCK_SECONDS: it must have been stopped.
    """
    with (Path(folder) / LOCK).open("a", encoding="ascii") as lock:
        lock_within(lock, LOCK_SECONDS, shared=True)
        yield


def fold(folder: str | Path, alive: Collection[int]) -> None:
    """Add the counts of workers that are not `alive` to the sums of all dead workers.

    Does nothing during a read, since a reader that hangs must not stop the master. The files are
    still part of the sums, and the next call folds them.
    """
    try:
        with (Path(folder) / LOCK).open("a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for own in Path(folder).glob("*_*.db"):
                kind, _, owner = own.stem.partition("_")
                if owner.isdecimal() and int(owner) not in alive:
                    _fold(own, own.with_name(f"{kind}_dead.db"))
    except BlockingIOError:
        return
    except OSError as error:  # the disk is full
        log.error("the metrics of a dead worker stay where they are for now: %s", error)


def _fold(own: Path, dead: Path) -> None:
    totals: dict[str, float] = {}
    for file in (dead, own):
        if file.exists():
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):
                totals[key] = totals.get(key, 0.0) + value
    draft = dead.with_suffix(".db.draft")
    draft.unlink(missing_ok=True)
    _reserve(draft, RESERVED)
    written = MmapedDict(str(draft))
    for key, value in totals.items():
        written.write_value(key, value, 0.0)
    written.close()
    draft.replace(dead)
    own.unlink()


def _reserve(path: Path, size: int) -> None:
    """Allocate `size` bytes of disk for `path`; new bytes are zero. Raises OSError."""
    with path.open("ab") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            if not file.tell():
                path.unlink()
            raise
