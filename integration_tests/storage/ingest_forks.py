"""Ingests in forked processes that can be killed, without the seconds that their imports need.

`python -m integration_tests.storage.ingest_forks` imports everything once. Then it reads one JSON
list of arguments a line and forks a process that runs `vehicle-price` with them. It prints the id
of that process, and when the process has ended its exit status.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from integration_tests.helpers.processes import ROOT


class ForkedIngest:
    """A running ingest."""

    def __init__(self, pid: int, lines: Iterator[str]) -> None:
        self.pid, self._lines = pid, lines

    def kill(self) -> None:
        """kill -9, if it has not ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """The exit status, once it has ended; -9 if it was killed."""
        return int(next(self._lines))


class IngestForks:
    """Starts ingests, one at a time."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def start(self, *arguments: str, **environ: str) -> ForkedIngest:
        """Start `vehicle-price <arguments>` with these variables added to its environment."""
        self._process.stdin.write(json.dumps([arguments, environ]) + "\n")
        self._process.stdin.flush()
        return ForkedIngest(int(next(self._process.stdout)), self._process.stdout)


@contextmanager
def ingest_forks() -> Iterator[IngestForks]:
    """Forks until the block ends."""
    command = [sys.executable, "-m", "integration_tests.storage.ingest_forks"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield IngestForks(process)


def main() -> None:
    """Fork one process per line, until standard input ends."""
    from vehicle_price.cli import main as cli
    from vehicle_price.pipelines import ingestion

    assert ingestion
    for line in sys.stdin:
        arguments, environ = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(cli.main, arguments, environ)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _run(cli_main, arguments: list[str], environ: dict[str, str]) -> None:
    os.environ.update(environ)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    status = 1
    try:
        status = cli_main(arguments)
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
