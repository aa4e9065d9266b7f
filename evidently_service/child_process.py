"""A command that works beside monitoring, which looks how it ended and never waits for it."""

import subprocess
from collections.abc import Sequence


class ChildProcess:
    """At most one process of a command at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the command and return at once."""
        # A later look says how it ended.
        self._process = subprocess.Popen(self._command)  # pylint: disable=consider-using-with

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process is not None and self._process.poll() is None

    def failure(self) -> int:
        """The exit status of a process that has failed since the last call; else 0."""
        if self._process is None or self.is_running():
            return 0
        status = self._process.returncode
        self._process = None
        return status
