"""The access log: one JSON object per line on standard output, for every answered request."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from pydantic_core import to_json

from service.json_files import iso_time

STDOUT = 1
MAX_LINES = 100  # are written at once
Asked = tuple[str, str, str]  # method, path, address of the client


class Entry(NamedTuple):
    """One answer; nanoseconds: since 1970. The others: see `AccessLog.add`."""

    nanoseconds: int
    asked: Asked
    status: int
    size: int
    seconds: float
    noted: Mapping[str, str]


class AccessLog:
    """Collects a line for each request; `flush` writes them. The query may be personal, so it is
    left out.

    Without `logging`, and many lines at a time: each line alone would take three times as long.
    `kill -9` loses the lines since the last flush, 0.1 s.
    """

    def __init__(self, descriptor: int = STDOUT) -> None:
        self._descriptor = descriptor
        self._entries: list[Entry] = []

    def add(
        self, asked: Asked, status: int, size: int, seconds: float, noted: Mapping[str, str]
    ) -> None:
        """Log one answer. size: bytes of its body. noted: further fields; empty ones are left
        out."""
        self._entries.append(Entry(time.time_ns(), asked, status, size, seconds, noted))
        if len(self._entries) >= MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the lines. On a full disk they are lost, and answers go on."""
        if self._entries:
            entries, self._entries = self._entries, []
            content = b"\n".join([*map(_line, entries), b""])
            with suppress(OSError):
                os.write(self._descriptor, content)


def _line(entry: Entry) -> bytes:
    method, path, client = entry.asked
    line: dict[str, object] = {
        "time": iso_time(entry.nanoseconds, 3),
        "method": method,
        "path": path,
        "status": entry.status,
        "bytes": entry.size,
        "milliseconds": round(entry.seconds * 1000, 2),
        "client": client,
    }
    line |= {name: value for name, value in entry.noted.items() if value}
    return to_json(line)
