"""The access log: one JSON object per line on standard output, for every answered request."""

import os
from collections.abc import Mapping
from contextlib import suppress

from pydantic_core import to_json

from service.json_files import now

STDOUT = 1
MAX_LINES = 100  # are written at once
Asked = tuple[str, str, str]  # method, path, address of the client


class AccessLog:
    """Collects a line for each request; `flush` writes them. The query may be personal, so it is
    left out.

    Without `logging`, and many lines at a time: a system call for each would take as long as the
    rest of a line. `kill -9` loses the lines since the last flush, 0.1 s.
    """

    def __init__(self, descriptor: int = STDOUT) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []

    def add(
        self, asked: Asked, status: int, size: int, seconds: float, noted: Mapping[str, str]
    ) -> None:
        """Log one answer. size: bytes of its body. noted: further fields; empty ones are left
        out."""
        method, path, client = asked
        line = {
            "time": now(3),
            "method": method,
            "path": path,
            "status": status,
            "bytes": size,
            "milliseconds": round(seconds * 1000, 2),
            "client": client,
        }
        for name, value in noted.items():
            if value:
                line[name] = value
        self._lines.append(to_json(line))
        if len(self._lines) >= MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the lines. On a full disk they are lost, and answers go on."""
        if self._lines:
            content, self._lines = b"\n".join([*self._lines, b""]), []
            with suppress(OSError):
                os.write(self._descriptor, content)
