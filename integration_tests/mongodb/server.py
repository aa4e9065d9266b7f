"""A MongoDB to test against: the one at MONGODB_URL, else SecantusDB, started here.

SecantusDB speaks MongoDB's wire protocol and keeps its data on disk; it comes with
`make install`. Tests that kill the server or need its users always start their own.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pytest

COMMAND = Path(sys.executable).with_name("secantusd-py")
START_SECONDS = 60


class OwnServer:
    """A SecantusDB on a free port. Its data stay in `folder` when it is killed."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or _free_port()
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Its address, with a database."""
        return f"mongodb://127.0.0.1:{self.port}/vehicle_price"

    def start(self, *flags: str) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [COMMAND, "--host", "127.0.0.1", "--port", str(self.port), *flags]
                + ["--storage-path", self.folder / "data"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with pymongo.MongoClient(self.url, serverSelectionTimeoutMS=START_SECONDS * 1000) as client:
            client.admin.command("hello")

    def stop(self) -> None:
        """End it as one should."""
        if self.process:
            self.process.terminate()
            self.process.wait()

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def own_server(folder: Path, port: int = 0) -> Iterator[OwnServer]:
    """A server that runs until the end of the block; on a free port if none is given."""
    if not COMMAND.exists():
        missing = "no MongoDB to test with: set MONGODB_URL, or get SecantusDB with `make install`"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    server = OwnServer(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def any_server(folder: Path) -> Iterator[str]:
    """The address of the server at MONGODB_URL, or of an own one."""
    if os.environ.get("MONGODB_URL"):
        yield os.environ["MONGODB_URL"]
        return
    with own_server(folder) as server:
        yield server.url


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
