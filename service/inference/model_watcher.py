"""A worker's thread that follows MODEL_DIR: loads what the sidecar put there, swaps one reference.

current.json names the production model and what served before it, challenger.json the challenger.
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

from service.inference.canary_stats import Tally
from service.inference.model_holder import Holder, Served, Valuation
from service.inference.offload import off_loop
from service.json_files import read_json, write_json
from vehicle_price.schema import EXAMPLE

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
RETRY_SECONDS = 10.0  # for a model that passed its trial but did not load here
NOT_LOADED = (ValueError, KeyError, TypeError, OSError, RuntimeError)

Load = Callable[[Path, str | None], Valuation]


class Watcher:
    """Loads what current.json and challenger.json name, and again whenever one is replaced.

    load: (folder, SHA-256 of the registered manifest if known) → model.
    """

    def __init__(self, model_dir: str | Path, holder: Holder, load: Load) -> None:
        self.model_dir, self.holder, self._load = Path(model_dir), holder, load
        self._current = Seen(self.model_dir / "current.json")
        self._challenger = Seen(self.model_dir / "challenger.json")
        self._tally_file = f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._written: dict[str, Any] = {}
        self._lock = threading.Lock()  # who looks while a model is loading waits for it

    def start(self) -> None:
        """Look once, then go on looking in a daemon thread. Call it after the fork."""
        self.look()
        self.holder.look_with(self.look)
        threading.Thread(target=self._watch, name="model-watcher", daemon=True).start()

    def look(self) -> bool:
        """Swap a model if its file is new. True if the production model was swapped.

        A model that cannot be loaded is logged and the old one stays.
        """
        with self._lock:
            swapped = self._current.is_new() and self._swap()
            if self._challenger.is_new():
                self._challenge()
            return swapped

    def _swap(self) -> bool:
        failures: list[str] = []
        for info in self._candidates():
            try:
                more = {"instead_of": list(failures)} if failures else {}
                served = self._loaded(info, "production", more)
            except NOT_LOADED as error:
                failures.append(f"version {info.get('version')}: {error!r}"[:300])
                log.error("model not loaded: %s", failures[-1])
                self._current.try_again()
                continue
            self.holder.swap(served)
            log.info("model loaded: version %s, run %s", info["version"], info.get("run_id"))
            return True
        if failures:
            self.holder.nothing("; ".join(failures))
        return False

    def _candidates(self) -> Iterator[dict[str, Any]]:
        """What may serve, best first. What served before counts only while nothing serves."""
        try:
            info = read_json(self._current.path)
        except ValueError as error:
            log.error("%s is damaged: %s", self._current.path, error)
            self.holder.nothing(f"current.json is damaged: {error}")
            return
        yield info
        if self.holder.lineup().production is None:
            yield from info.get("before", [])

    def _challenge(self) -> None:
        """Follow challenger.json; one that does not load takes no part."""
        served, share = None, 0.0
        try:
            info = read_json(self._challenger.path)
            if info:
                served = self._loaded(info, str(info["mode"]), {})
                share = float(info["share"])
        except NOT_LOADED as error:
            log.error("challenger not loaded: %r", error)
            self._challenger.try_again()
        canary = served is not None and served.role == "canary"
        tally = Tally(str(served.info["folder"])) if served and canary else None
        self.holder.challenge(served, share, tally)
        log.info("challenger: %s", f"version {served.version}, {served.role}" if served else "none")

    def _loaded(self, info: dict[str, Any], role: str, more: dict[str, Any]) -> Served:
        registered = info.get("tags", {}).get("manifest_sha256")
        valuation = off_loop(self._load)(self.model_dir / info["folder"], registered)
        valuation.price_one(EXAMPLE)  # the first use is slow, and no client should wait for it
        return Served(valuation, str(info["version"]), info=info | more, role=role)

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                self.look()
                self.write_tally()
            except OSError as error:  # such as a full disk: the next look may be luckier
                log.error("looking at %s failed: %r", self.model_dir, error)

    def write_tally(self) -> None:
        """Leave what was counted for the sidecar, if there is something new."""
        tally = self.holder.tally
        counted = tally.as_dict() if tally else {}
        if counted and counted != self._written:
            write_json(self.model_dir / "tallies" / self._tally_file, counted)
            self._written = counted


class Seen:
    """A file, and whether it is another one than at the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._again = math.inf

    def is_new(self) -> bool:
        """Whether it was replaced since the last look, or is due to be tried again."""
        try:
            stat = os.stat(self.path)
        except FileNotFoundError:
            return False
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp == self._stamp and time.monotonic() < self._again:
            return False
        self._stamp, self._again = stamp, math.inf
        return True

    def try_again(self, seconds: float = RETRY_SECONDS) -> None:
        """It was not usable: count it as new again after a while."""
        self._again = time.monotonic() + seconds
