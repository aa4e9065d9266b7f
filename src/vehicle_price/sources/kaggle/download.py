"""One zip over HTTP: resumed when the line breaks, skipped when unchanged, whole or not there."""

import fcntl
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests

from vehicle_price.sources.base import SourceError
from vehicle_price.sources.kaggle.download_errors import (
    Broken,
    Damaged,
    Stale,
    cause,
    given_up,
    megabytes,
)
from vehicle_price.sources.kaggle.zip_cache import (
    Version,
    begin,
    discard,
    part_of,
    publish,
    recalled,
    size_of,
    zip_fault,
)

log = logging.getLogger(__name__)

# Seconds before each further try; progress starts them anew.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
LONGEST_PAUSE = 120.0
PROGRESS_EVERY = 5.0  # seconds
CHUNK = 1 << 16  # a chunk that is cut off is lost: not larger than that

Ask = Callable[[dict[str, str]], AbstractContextManager[requests.Response]]


def download(ask: Ask, folder: Path, name: str, pauses: Sequence[float] = PAUSES) -> Path:
    """Bring NAME.zip in `folder` up to date; returns its path.

    ask: sends the request with the headers given; raises Broken or requests' exceptions where
    another try may help, SourceError where none will. Raises SourceError also when the tries are
    used up or the disk is full. Several processes may do this at once; one of them downloads.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{name}.lock"):
            return _until_whole(ask, folder / f"{name}.zip", pauses)
    except OSError as error:
        raise SourceError(
            f"cannot write to {folder}: {error.strerror or error}. Make room there, or set "
            "DOWNLOAD_DIR to another folder. What has arrived is kept"
        ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("wb") as file:  # the lock ends with the process, however that ends
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for another process that downloads to %s", path.parent)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _until_whole(ask: Ask, whole: Path, pauses: Sequence[float]) -> Path:
    part = part_of(whole)
    failures = damages = 0
    furthest = size_of(part)
    while True:
        try:
            return _attempt(ask, whole, part)
        except requests.RequestException as error:
            broken = Broken(cause(error))
        except Broken as error:
            broken = error
        # Only bytes never reached before are progress: restarts must come to an end.
        failures = 1 if size_of(part) > furthest else failures + 1
        furthest = max(furthest, size_of(part))
        damages += isinstance(broken, Damaged)
        if isinstance(broken, Stale | Damaged):
            discard(part)
        if failures > len(pauses) or damages > 1:
            raise given_up(broken, whole, part) from broken
        pause = pauses[failures - 1] if broken.pause is None else min(broken.pause, LONGEST_PAUSE)
        log.warning("%s; trying again in %.0f s", broken, pause)
        time.sleep(pause)


def _attempt(ask: Ask, whole: Path, part: Path) -> Path:
    kept = recalled(part)
    with ask({"Accept-Encoding": "identity"} | _range(kept, size_of(part))) as response:
        current, earlier = _version(response), recalled(whole)
        if current.same_as(earlier) and size_of(whole) == earlier.size:
            log.info("%s is unchanged since %s, skipped", whole, current.modified or "last time")
            discard(part)  # of a version between
            return whole
        offset = _offset(response, current, kept, part)
        _receive(response, part, offset, current.size)
    _check(part, current.size)
    publish(part, whole, current)
    return whole


def _range(kept: Version, arrived: int) -> dict[str, str]:
    if not arrived or not kept.validator or 0 < kept.size <= arrived:
        return {}
    # If-Range: when the content has changed the server sends all of it instead.
    return {"Range": f"bytes={arrived}-", "If-Range": kept.validator}


def _version(response: requests.Response) -> Version:
    headers = response.headers
    total = headers.get("Content-Range", "").rpartition("/")[2]
    size = total if response.status_code == 206 else headers.get("Content-Length", "")
    names = headers.get("ETag", ""), headers.get("Last-Modified", "")
    return Version(*names, int(size) if size.isdigit() else 0)


def _offset(response: requests.Response, current: Version, kept: Version, part: Path) -> int:
    """Where to go on writing; a part of another version is dropped."""
    arrived = size_of(part)
    if response.status_code == 206:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if not start or int(start[1]) != arrived or not current.same_as(kept):
            raise Stale("the server went on with something else")
        log.info("going on after %s of %s", megabytes(arrived), megabytes(current.size))
        return arrived
    if current.same_as(kept) and arrived == current.size:
        return arrived
    begin(part, current)
    return 0


def _receive(response: requests.Response, part: Path, offset: int, size: int) -> None:
    needed, free = size - offset, shutil.disk_usage(part.parent).free
    if needed > free:
        raise SourceError(
            f"the disk is too full: {megabytes(needed)} are needed in {part.parent}, "
            f"{megabytes(free)} are free. Make room there, or set DOWNLOAD_DIR to another folder"
        )
    if offset == size > 0:
        return
    with part.open("ab" if offset else "wb") as file:
        for chunk in _shown(response.iter_content(CHUNK), offset, size):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _shown(chunks: Iterator[bytes], arrived: int, size: int) -> Iterator[bytes]:
    """The chunks, with a line of progress now and then and at the end."""
    begun = shown = time.monotonic()
    for chunk in chunks:
        yield chunk
        arrived += len(chunk)
        if time.monotonic() - shown >= PROGRESS_EVERY:
            shown = time.monotonic()
            of = f" of {megabytes(size)}, {arrived / size:.0%}" if size else ""
            log.info("downloaded %s%s", megabytes(arrived), of)
    log.info("downloaded %s in %.1f s", megabytes(arrived), time.monotonic() - begun)


def _check(part: Path, size: int) -> None:
    arrived = size_of(part)
    if size and arrived != size:
        reason = f"{arrived:,} bytes arrived instead of {size:,}"
        raise Broken(reason) if arrived < size else Stale(reason)
    if fault := zip_fault(part):
        raise Damaged(f"what arrived is damaged, {fault}")
