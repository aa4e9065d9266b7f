"""A MongoDB server that tests start, and may kill: SecantusDB, which `make install` installs.

It speaks MongoDB's wire protocol and keeps its data on disk.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pytest

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_port

COMMAND = Path(sys.executable).with_name("secantusd-py")
START_SECONDS = 60


class MongodbServer:
    """A SecantusDB process. Its data and its log are in `folder`, and stay there when it is killed.

    port: 0 for a free one.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Its address, with the database `vehicle_price`."""
        return f"mongodb://127.0.0.1:{self.port}/vehicle_price"

    def start(self, *flags: str) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [COMMAND, "--host", "127.0.0.1", "--port", str(self.port), *flags]
                + ["--storage-path", self.folder / "data", "--sync-on-commit"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with pymongo.MongoClient(self.url, serverSelectionTimeoutMS=START_SECONDS * 1000) as client:
            client.admin.command("hello")

    def kill(self) -> None:
        """End it with SIGKILL. Nothing written is lost; its SIGTERM handler can wait for ever."""
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_server(folder: Path, port: int = 0) -> Iterator[MongodbServer]:
    """A server that runs until the end of the block; on a free port if none is given."""
    if not COMMAND.exists():
        advice = "no MongoDB to test with: set MONGODB_URL, or get SecantusDB with `make install`"
        if os.environ.get("CI") == "true":
            pytest.fail(advice)
        pytest.skip(advice)
    server = MongodbServer(folder, port)
    try:
        with keep_logs(folder):
            server.start()
            yield server
    finally:
        server.kill()
