"""A worker's thread that follows MODEL_DIR: it loads the models that model_sync has put there.

current.json names the production model and the models before it, challenger.json the challenger.
"""

import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from service.inference.canary_stats import CanaryStats
from service.inference.model_holder import ModelHolder, Served, Valuation
from service.json_files import read_json, write_json
from service.model_dir import CANARY_STATS_FOLDER, CHALLENGER_FILE, CURRENT_FILE, canary_key
from vehicle_price.registry.names import MANIFEST_TAG
from vehicle_price.schema import EXAMPLE

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
RETRY_SECONDS = 10.0  # for a model that passed its trial but did not load here
LOAD_ERRORS = (ValueError, KeyError, TypeError, OSError, RuntimeError)

Load = Callable[[Path, str | None], Valuation]


class ModelWatcher:
    """Loads the models that current.json and challenger.json name, again when a file is replaced.

    load: (folder, SHA-256 of the registered manifest if known) → model.
    """

    def __init__(self, model_dir: str | Path, holder: ModelHolder, load: Load) -> None:
        self.model_dir, self.holder, self._load = Path(model_dir), holder, load
        self._current = WatchedFile(self.model_dir / CURRENT_FILE)
        self._challenger = WatchedFile(self.model_dir / CHALLENGER_FILE)
        self._stats_file = f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._written_stats: dict[str, Any] = {}
        self._lock = threading.Lock()  # a second caller of `refresh` waits for the model, too

    def start(self) -> None:
        """Refresh once, then go on in a daemon thread. Call it after the fork."""
        self.refresh()
        self.holder.refresh_with(self.refresh)
        threading.Thread(target=self._watch, name="model-watcher", daemon=True).start()

    def refresh(self) -> bool:
        """Swap a model if its file is new. True if the production model was swapped.

        A model that cannot be loaded is logged, and the old one goes on serving.
        """
        with self._lock:
            swapped = self._current.is_new() and self._swap()
            if self._challenger.is_new():
                self._load_challenger()
            return swapped

    def _swap(self) -> bool:
        failures: list[str] = []
        for info in self._candidates():
            try:
                extra_info = {"instead_of": list(failures)} if failures else {}
                served = self._loaded(info, "production", extra_info)
            except LOAD_ERRORS as error:
                failures.append(f"version {info.get('version')}: {error!r}"[:300])
                log.error("model not loaded: %s", failures[-1])
                self._current.retry_later()
                continue
            self.holder.swap(served)
            log.info("model loaded: version %s, run %s", info["version"], info.get("run_id"))
            return True
        if failures:
            self.holder.set_unavailable("; ".join(failures))
        return False

    def _candidates(self) -> Iterator[dict[str, Any]]:
        """The models that may serve, best first. Earlier ones count only while none serves."""
        try:
            info = read_json(self._current.path)
        except ValueError as error:
            log.error("%s is damaged: %s", self._current.path, error)
            self.holder.set_unavailable(f"{CURRENT_FILE} is damaged: {error}")
            return
        yield info
        if self.holder.models().production is None:
            yield from info.get("before", [])

    def _load_challenger(self) -> None:
        """Follow challenger.json; a challenger that cannot be loaded does not serve."""
        served, share = None, 0.0
        try:
            info = read_json(self._challenger.path)
            if info:
                served = self._loaded(info, str(info["mode"]), {})
                share = float(info["share"])
        except LOAD_ERRORS as error:
            log.error("challenger not loaded: %r", error)
            self._challenger.retry_later()
        is_canary = served is not None and served.role == "canary"
        stats = CanaryStats(canary_key(served.info)) if served and is_canary else None
        self.holder.set_challenger(served, share, stats)
        log.info("challenger: %s", f"version {served.version}, {served.role}" if served else "none")

    def _loaded(self, info: dict[str, Any], role: str, extra_info: dict[str, Any]) -> Served:
        manifest_sha256 = info.get("tags", {}).get(MANIFEST_TAG)
        valuation = self._load(self.model_dir / info["folder"], manifest_sha256)
        valuation.price_one(EXAMPLE)  # the first price is slow, and no client should wait for it
        return Served(valuation, str(info["version"]), info=info | extra_info, role=role)

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(CHECK_SECONDS):
            try:
                self.refresh()
                self.write_canary_stats()
            except OSError as error:  # such as a full disk: the next try may succeed
                log.error("refreshing from %s failed: %r", self.model_dir, error)

    def write_canary_stats(self) -> None:
        """Write the counts for model_sync, if they have changed."""
        stats = self.holder.canary_stats
        counts = stats.as_dict() if stats else {}
        if counts and counts != self._written_stats:
            write_json(self.model_dir / CANARY_STATS_FOLDER / self._stats_file, counts)
            self._written_stats = counts


class WatchedFile:
    """A file, and whether it was replaced since the last check."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._retry_at = math.inf

    def is_new(self) -> bool:
        """Whether the file was replaced since the last check, or its retry is due."""
        try:
            stat = os.stat(self.path)
        except FileNotFoundError:
            return False
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp == self._stamp and time.monotonic() < self._retry_at:
            return False
        self._stamp, self._retry_at = stamp, math.inf
        return True

    def retry_later(self, seconds: float = RETRY_SECONDS) -> None:
        """Report the file as new again after `seconds`: it could not be used."""
        self._retry_at = time.monotonic() + seconds
