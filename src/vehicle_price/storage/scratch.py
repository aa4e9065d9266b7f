"""Temporary folders that are removed soon after their process ends, even after `kill -9`."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vehicle_price.atomic_files import lock, try_lock
from vehicle_price.storage.errors import StorageUnavailable

log = logging.getLogger(__name__)

LOCK_SECONDS = 600


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, removed at the end. Folders of killed processes are removed first.

    Raises StorageUnavailable when another process locks `parent` for too long.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent / ".lock"):
        _remove_abandoned(parent)
        folder = Path(tempfile.mkdtemp(dir=parent))
        # Locked while this process lives: other processes see that the folder is in use.
        alive = (folder / ".alive").open("w", encoding="utf-8")
        try_lock(alive)
    try:
        yield folder
    finally:
        alive.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(path, LOCK_SECONDS))
        except TimeoutError as error:
            raise StorageUnavailable(
                f"{path}: another process has held it for {LOCK_SECONDS:g} s; "
                "end that process or wait, then try again"
            ) from error
        yield


def _remove_abandoned(parent: Path) -> None:
    for folder in (path for path in parent.iterdir() if path.is_dir()):
        with (folder / ".alive").open("a", encoding="utf-8") as alive:
            abandoned = try_lock(alive)
        if abandoned:
            log.info("removing what a killed run left: %s", folder)
            shutil.rmtree(folder)
