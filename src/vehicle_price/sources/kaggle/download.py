"""Download a zip over HTTP: resumed after a failure, skipped if unchanged, replaced atomically."""

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import requests

from vehicle_price.atomic_files import lock
from vehicle_price.sources.base import SourceError
from vehicle_price.sources.kaggle.download_errors import (
    Damaged,
    Stale,
    TransferError,
    cause_of,
    final_error,
    megabytes,
)
from vehicle_price.sources.kaggle.zip_cache import (
    Version,
    begin,
    discard,
    partial_path,
    publish,
    read_version,
    size_of,
    zip_fault,
)

log = logging.getLogger(__name__)

# Seconds before each retry; after progress the first pause applies again.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
LONGEST_PAUSE = 120.0
PROGRESS_SECONDS = 5.0
CHUNK_BYTES = 1 << 16  # small, since a chunk that is cut off is lost

Send = Callable[[dict[str, str]], AbstractContextManager[requests.Response]]


def download(send: Send, folder: Path, name: str, pauses: Sequence[float] = PAUSES) -> Path:
    """Bring NAME.zip in `folder` up to date; returns its path.

    send: sends the request with the headers given; raises TransferError or an exception of
    requests where a retry may help, SourceError where it cannot. Raises SourceError also after the
    last retry and when the disk is full. Of several processes at once, one downloads.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder / f"{name}.lock", when_waiting=lambda: _log_waiting(folder)):
            return _download_with_retries(send, folder / f"{name}.zip", pauses)
    except OSError as error:
        raise SourceError(
            f"cannot write to {folder}: {error.strerror or error}. Make room there, or set "
            "DOWNLOAD_DIR to another folder. What has arrived is kept"
        ) from error


def _log_waiting(folder: Path) -> None:
    log.info("waiting for another process that downloads to %s", folder)


def _download_with_retries(send: Send, whole: Path, pauses: Sequence[float]) -> Path:
    partial = partial_path(whole)
    failures = damages = 0
    furthest = size_of(partial)
    while True:
        try:
            return _attempt(send, whole, partial)
        except requests.RequestException as error:
            failure = TransferError(cause_of(error))
        except TransferError as error:
            failure = error
        # Only bytes never reached before count as progress: restarts must come to an end.
        failures = 1 if size_of(partial) > furthest else failures + 1
        furthest = max(furthest, size_of(partial))
        damages += isinstance(failure, Damaged)
        if isinstance(failure, Stale | Damaged):
            discard(partial)
        if failures > len(pauses) or damages > 1:
            raise final_error(failure, whole, partial) from failure
        pause = pauses[failures - 1] if failure.pause is None else min(failure.pause, LONGEST_PAUSE)
        log.warning("%s; trying again in %.0f s", failure, pause)
        time.sleep(pause)


def _attempt(send: Send, whole: Path, partial: Path) -> Path:
    started = read_version(partial)
    headers = {"Accept-Encoding": "identity"} | _range_headers(started, size_of(partial))
    with send(headers) as response:
        current, cached = _version(response), read_version(whole)
        if current.same_as(cached) and size_of(whole) == cached.size:
            log.info("%s is unchanged since %s, skipped", whole, current.modified or "last time")
            discard(partial)  # of a version in between
            return whole
        offset = _offset(response, current, started, partial)
        _receive(response, partial, offset, current.size)
    _verify(partial, current.size)
    publish(partial, whole, current)
    return whole


def _range_headers(started: Version, received: int) -> dict[str, str]:
    if not received or not started.validator or 0 < started.size <= received:
        return {}
    # If-Range: the server sends the whole content instead when it has changed.
    return {"Range": f"bytes={received}-", "If-Range": started.validator}


def _version(response: requests.Response) -> Version:
    headers = response.headers
    total = headers.get("Content-Range", "").rpartition("/")[2]
    size = total if response.status_code == 206 else headers.get("Content-Length", "")
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    return Version(etag, modified, int(size) if size.isdigit() else 0)


def _offset(response: requests.Response, current: Version, started: Version, partial: Path) -> int:
    """The offset at which to continue; an incomplete download of another version is deleted."""
    received = size_of(partial)
    if response.status_code == 206:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if not start or int(start[1]) != received or not current.same_as(started):
            raise Stale("the server went on with something else")
        log.info("going on after %s of %s", megabytes(received), megabytes(current.size))
        return received
    if current.same_as(started) and received == current.size:
        return received
    begin(partial, current)
    return 0


def _receive(response: requests.Response, partial: Path, offset: int, size: int) -> None:
    missing, free = size - offset, shutil.disk_usage(partial.parent).free
    if missing > free:
        raise SourceError(
            f"the disk is too full: {megabytes(missing)} are needed in {partial.parent}, "
            f"{megabytes(free)} are free. Make room there, or set DOWNLOAD_DIR to another folder"
        )
    if offset == size > 0:
        return
    with partial.open("ab" if offset else "wb") as file:
        for chunk in _log_progress(response.iter_content(CHUNK_BYTES), offset, size):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _log_progress(chunks: Iterator[bytes], received: int, size: int) -> Iterator[bytes]:
    """The chunks; logs progress every PROGRESS_SECONDS and at the end."""
    started = logged = time.monotonic()
    for chunk in chunks:
        yield chunk
        received += len(chunk)
        if time.monotonic() - logged >= PROGRESS_SECONDS:
            logged = time.monotonic()
            total = f" of {megabytes(size)}, {received / size:.0%}" if size else ""
            log.info("downloaded %s%s", megabytes(received), total)
    log.info("downloaded %s in %.1f s", megabytes(received), time.monotonic() - started)


def _verify(partial: Path, size: int) -> None:
    received = size_of(partial)
    if size and received != size:
        reason = f"{received:,} bytes arrived instead of {size:,}"
        raise TransferError(reason) if received < size else Stale(reason)
    if fault := zip_fault(partial):
        raise Damaged(f"what arrived is damaged, {fault}")
