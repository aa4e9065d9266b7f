"""Request bodies, received on the event loop before a thread handles them.

A small body stays in memory, a longer one goes to a temporary file. Both are bounded for the whole
worker, so that uploads can fill neither the memory nor the disk that the outbox needs. A body above
its limit is read to its end and dropped: a client that is still sending would miss the answer.
"""

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

from service.http.problem import Problem

IN_MEMORY = 65_536  # of one body
MEMORY_BYTES = 32 * 2**20  # of all bodies in memory; beyond it small ones go to disk, too
MAX_DRAINED = 64_000_000  # beyond a limit; then the answer is sent and the connection closed

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Budget:
    """Bytes that may be occupied at the same time."""

    def __init__(self, maximum: int) -> None:
        self._free = maximum

    def reserve(self, size: int) -> bool:
        """Occupy `size` more bytes, if so many are free."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def release(self, size: int) -> None:
        """Give `size` bytes back."""
        self._free += size


class Upload:
    """One body: `file` is at its beginning. Closing it gives its room back."""

    def __init__(self, uploads: "Uploads") -> None:
        self.file: IO[bytes] = io.BytesIO()
        self._uploads, self._budget, self.size = uploads, uploads.memory, 0

    async def write(self, block: bytes) -> None:
        """Append `block`. Raises Problem 503 when there is no room for it."""
        if self._budget is self._uploads.memory:
            if self.size + len(block) <= IN_MEMORY and self._budget.reserve(len(block)):
                self.file.write(block)
                self.size += len(block)
                return
            await self._move_to_disk()
        self._reserve(len(block))
        await self._on_disk(self.file.write, block)
        self.size += len(block)

    def close(self) -> None:
        """Delete the body."""
        self.file.close()
        self._budget.release(self.size)
        self.size = 0

    async def _move_to_disk(self) -> None:
        content = self.file.getvalue()  # type: ignore[attr-defined] # is BytesIO until here
        self._budget.release(self.size)
        self._budget, self.size = self._uploads.disk, 0
        self.file = await self._on_disk(self._uploads.temporary_file)
        self._reserve(len(content))
        await self._on_disk(self.file.write, content)
        self.size = len(content)

    def _reserve(self, size: int) -> None:
        if not self._budget.reserve(size):
            raise no_room()

    async def _on_disk(self, work: Callable[..., Any], *arguments: object) -> Any:
        try:
            return await asyncio.to_thread(work, *arguments)
        except OSError as error:
            raise no_room() from error


class Uploads:
    """The bodies that this worker receives or handles.

    folder: of the temporary files, which have no name there. max_bytes: of all of them.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self.memory, self.disk = Budget(MEMORY_BYTES), Budget(max_bytes)

    async def receive(self, receive: Receive, limit: int) -> Upload | None:
        """The body of a request, or its first `limit` + 1 bytes if it is longer. None if the client
        went away. Raises Problem 503 when there is no room for it."""
        upload, problem, received, more = Upload(self), None, 0, True
        try:
            while more and received <= limit + MAX_DRAINED:
                message = await receive()
                if message["type"] == "http.disconnect":
                    upload.close()
                    return None
                block, more = message.get("body", b""), message.get("more_body", False)
                received += len(block)
                kept = block[: max(limit + 1 - upload.size, 0)]
                if kept and not problem:
                    try:
                        await upload.write(kept)
                    except Problem as error:
                        problem = error
            if problem:
                raise problem
            upload.file.seek(0)
        except BaseException:
            upload.close()
            raise
        return upload

    def temporary_file(self) -> IO[bytes]:
        """A new file that disappears when it is closed, and with its process."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._folder)


def no_room() -> Problem:
    """What a client gets while the worker can store no more of its body."""
    detail = "there is no room for the body now; try again later, or send it in parts"
    return Problem(503, "no-room", detail, headers={"Retry-After": "30"})
