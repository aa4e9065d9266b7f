"""MODEL_DIR: the files through which the workers and model_sync talk to each other.

| file | written by | read by | content |
|---|---|---|---|
| `current.json` | model_sync | workers | the production model, and the models before it |
| `challenger.json` | model_sync | workers | the challenger, its mode and its share of the clients |
| `refused.json` | model_sync | model_sync | challengers that must not come back, and why |
| `status.json` | model_sync | workers | what model_sync did last (`model_sync/status_file.py`) |
| `versions/` | model_sync | workers | one folder for each model version |
| `canary_stats/` | workers | model_sync | one file of counts for each worker |
| `sync-requested` | workers | model_sync | its modification time: the last request to sync |
| `deliveries/` | workers | workers | the webhook deliveries of the last minutes |

Each JSON file is replaced as a whole (`json_files.py`).
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CURRENT_FILE = "current.json"
CHALLENGER_FILE = "challenger.json"
REFUSED_FILE = "refused.json"
STATUS_FILE = "status.json"
VERSIONS_FOLDER = "versions"
CANARY_STATS_FOLDER = "canary_stats"
SYNC_REQUEST_FILE = "sync-requested"
DELIVERIES_FOLDER = "deliveries"

POLL_SECONDS = 0.1


def canary_key(challenger: Mapping[str, Any]) -> str:
    """Under which key a canary's counts are kept: those of one period of serving, so that a canary
    that is allowed again is not judged by its old counts. challenger: as challenger.json has it."""
    return f"{challenger['folder']} {challenger.get('loaded_at', '')}"


def request_sync(model_dir: Path) -> None:
    """Ask model_sync to look at the registry now. Raises OSError."""
    model_dir.mkdir(parents=True, exist_ok=True)
    path = model_dir / SYNC_REQUEST_FILE
    path.touch()
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


class SyncRequests:
    """The requests to sync, as model_sync receives them: each is reported once."""

    def __init__(self, model_dir: Path) -> None:
        self._path = model_dir / SYNC_REQUEST_FILE
        self._last_request = self._request_time()
        self._pause = threading.Event()

    def pending(self) -> bool:
        """Whether a request has come since this was last true."""
        request_time = self._request_time()
        is_new, self._last_request = request_time != self._last_request, request_time
        return is_new

    def wait(self, seconds: float) -> bool:
        """Wait for a request, at most `seconds`. True if one came."""
        deadline = time.monotonic() + seconds
        while not (is_pending := self.pending()) and time.monotonic() < deadline:
            self._pause.wait(POLL_SECONDS)
        return is_pending

    def _request_time(self) -> int:
        try:
            return os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return 0
