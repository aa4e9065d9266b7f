"""How a worker tells the sidecar to look at the registry at once: it touches a file."""

import os
import threading
import time
from pathlib import Path

FILE = "look-now"
PAUSE_SECONDS = 0.1


def poke(model_dir: Path) -> None:
    """Have the sidecar look now. Nothing but the moment is said."""
    model_dir.mkdir(parents=True, exist_ok=True)
    path = model_dir / FILE
    path.touch()
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


class Poked:
    """The sidecar's side: notices each touch once."""

    def __init__(self, model_dir: Path) -> None:
        self._path = model_dir / FILE
        self._seen = self._stamp()
        self._pause = threading.Event()

    def came(self) -> bool:
        """Whether somebody poked since this was last true."""
        stamp = self._stamp()
        came, self._seen = stamp != self._seen, stamp
        return came

    def wait(self, seconds: float) -> bool:
        """Wait until somebody pokes, at most `seconds`. True if somebody did."""
        deadline = time.monotonic() + seconds
        while not (came := self.came()) and time.monotonic() < deadline:
            self._pause.wait(PAUSE_SECONDS)
        return came

    def _stamp(self) -> int:
        try:
            return os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return 0
