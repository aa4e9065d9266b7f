"""The write-ahead journal of one worker: the first file that a record is written to.

A write to the journal is one system call. A commit to the outbox's tables is a dozen, and all
workers queue for it. So records are moved there many at a time (`collector.py`), by the forwarder
four times a second. A worker whose journal has become long begins a new one.
"""

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast, get_args
from zlib import crc32

from service.outbox.records import Kind, Record

SUFFIX = ".journal"
HEAD = struct.Struct("<II36sB")  # CRC-32 of all that follows, length of the body, id, kind
CRC_BYTES = 4
KINDS: tuple[Kind, ...] = get_args(Kind)


class Journal:
    """One process's journal: at most one file is open, and it is locked while it is open.

    folder: of the journals of all processes. max_bytes: a longer file gets no further record.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._file, self._pid, self._size = -1, 0, 0

    @property
    def has_room(self) -> bool:
        """Whether `write` may be called; else `close` and `open` first."""
        return self._size < self.max_bytes and self._pid == os.getpid()

    def open(self) -> None:
        """Begin a new file. It gets its name when it is locked: the collector takes a journal
        without a lock for an abandoned one."""
        path = self.folder / f"{time.time_ns():020d}-{os.getpid()}{SUFFIX}"
        draft = path.with_suffix(".draft")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(draft, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # of a new file: nobody else has it
        draft.rename(path)
        self._pid, self._size = os.getpid(), 0

    def write(self, frame: bytes) -> None:
        """Write a whole frame, or raise OSError and leave nothing of it in the file."""
        written = 0
        try:
            while written < len(frame):  # a nearly full disk accepts a part
                written += os.write(self._file, frame[written:] if written else frame)
        except OSError:
            if written:
                self._remove_incomplete_frame()
            raise
        self._size += written

    def _remove_incomplete_frame(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
        except (
            OSError
        ):  # the collector would read nothing after it: the next record gets a new file
            self.close()

    def close(self) -> None:
        """Close the file, so that the collector may remove it. A file of the parent process stays
        open there."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._pid, self._size = -1, 0, 0


def framed(record: Record) -> bytes:
    """`record` as a frame of the journal."""
    head = HEAD.pack(0, len(record.body), record.id.encode("ascii"), KINDS.index(record.kind))
    checked_bytes = head[CRC_BYTES:] + record.body
    return crc32(checked_bytes).to_bytes(CRC_BYTES, "little") + checked_bytes


def frames(content: bytes) -> Iterator[tuple[Record, int]]:
    """The whole records at the beginning of `content`, each with the position of its end. Stops at
    a record that is incomplete or damaged."""
    start = 0
    while start + HEAD.size <= len(content):
        checksum, length, record_id, kind = HEAD.unpack_from(content, start)
        end = start + HEAD.size + length
        if end > len(content) or crc32(content[start + CRC_BYTES : end]) != checksum:
            return
        # The forwarder moves a kind that only a later version knows to the dead letters.
        kind_name = KINDS[kind] if kind < len(KINDS) else cast(Kind, f"kind {kind}")
        yield Record(record_id.decode("ascii"), kind_name, content[start + HEAD.size : end]), end
        start = end


def total_bytes(folder: Path) -> int:
    """The size of all journals."""
    sizes = 0
    for path in files(folder):
        with suppress(FileNotFoundError):  # collected and removed meanwhile
            sizes += path.stat().st_size
    return sizes


def files(folder: Path) -> list[Path]:
    """All journals, the oldest first."""
    return sorted(folder.glob("*" + SUFFIX))
