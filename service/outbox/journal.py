"""Where a record is kept first: a file that only this worker writes, one record after the other.

A write there is one system call. A commit to the outbox's tables is a dozen, and all workers queue
for it; so records are moved there many at a time (`collector.py`), by the forwarder four times a
second and by a worker whose file has become long.
"""

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args
from zlib import crc32

from service.outbox.records import Kind, Record

SUFFIX = ".journal"
HEAD = struct.Struct("<II36sB")  # CRC-32 of all that follows, length of the body, id, kind
CRC_BYTES = 4
KINDS: tuple[Kind, ...] = get_args(Kind)


class Journal:
    """One process's journal: at most one file is open, and locked as long as it is.

    folder: where the files of all processes are. most_bytes: of a file that is written on.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._file, self._pid, self._size = -1, 0, 0

    @property
    def has_room(self) -> bool:
        """Whether `write` may be called; else `close` and `open` first."""
        return self._size < self.most_bytes and self._pid == os.getpid()

    def open(self) -> None:
        """Begin a new file. Call it where nobody collects: a file without a lock counts as left
        by a process that is gone."""
        name = f"{time.time_ns():020d}-{os.getpid()}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(self.folder / name, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._pid, self._size = os.getpid(), 0

    def write(self, frame: bytes) -> None:
        """Keep a frame: all of it, or OSError and none of it."""
        written = 0
        try:
            while written < len(frame):  # a full disk takes a part, and refuses the rest
                written += os.write(self._file, frame[written:] if written else frame)
        except OSError:
            if written:
                os.ftruncate(self._file, self._size)
            raise
        self._size += written

    def close(self) -> None:
        """End the file: who collects may remove it. One of a parent process stays its own."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._pid, self._size = -1, 0, 0


def framed(record: Record) -> bytes:
    """`record` as it is written."""
    head = HEAD.pack(0, len(record.body), record.id.encode("ascii"), KINDS.index(record.kind))
    rest = head[CRC_BYTES:] + record.body
    return crc32(rest).to_bytes(CRC_BYTES, "little") + rest


def frames(content: bytes) -> Iterator[tuple[Record, int]]:
    """The records at the beginning of `content` and where each ends, up to one that is incomplete
    or damaged."""
    start = 0
    while start + HEAD.size <= len(content):
        checksum, length, record_id, kind = HEAD.unpack_from(content, start)
        end = start + HEAD.size + length
        if end > len(content) or crc32(content[start + CRC_BYTES : end]) != checksum:
            return
        # A kind that only a later version knows is for the forwarder to bury.
        known = KINDS[kind] if kind < len(KINDS) else cast(Kind, f"kind {kind}")
        yield Record(record_id.decode("ascii"), known, content[start + HEAD.size : end]), end
        start = end


def files(folder: Path) -> list[Path]:
    """All journals, the oldest first."""
    return sorted(folder.glob("*" + SUFFIX))
