"""A process that is started again whenever it ends, as supervisord does."""

import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESTART_SECONDS = 0.3
STOP_SECONDS = 20


class SupervisedProcess:
    """A process that is started again whenever it ends, until `stop` is called."""

    def __init__(
        self,
        command: list[str],
        environ: dict[str, str],
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.command, self.environ, self.log = command, environ, log
        self.stop_signal = stop_signal
        self.process: subprocess.Popen[bytes] | None = None
        self._restarts = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, and restart it from a thread."""
        self._restarts = True
        self._spawn()
        threading.Thread(target=self._supervise, daemon=True).start()

    def kill(self) -> None:
        """kill -9; it is started again."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._restarts = False
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )

    def _supervise(self) -> None:
        while self._restarts:
            self.process.wait()
            time.sleep(RESTART_SECONDS)
            with self._lock:
                if self._restarts:
                    self._spawn()
