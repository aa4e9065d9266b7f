"""The model that serves now, as one reference, and the thread that replaces it."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from service.files import read_json
from vehicle_price.schema import EXAMPLE

log = logging.getLogger(__name__)

MODEL_NAME = "vehicle-price"
LOOK_SECONDS = 1.0


class Estimate(Protocol):
    """A price in whole US dollars, its 90 % interval, and what to know about it."""

    price: int
    low: int
    high: int
    warnings: tuple[str, ...]


class Valuation(Protocol):
    """What the service needs of a model; `vehicle_price.valuation.Valuation` is one."""

    facts: Mapping[str, object]

    def price_one(self, listing: Mapping[str, object]) -> Estimate:
        """The estimate for one listing."""

    def price_many(self, listings: list[dict[str, object]]) -> list[Estimate]:
        """The estimates for `listings`, in their order."""


@dataclass(frozen=True)
class Served:
    """A model together with all that is known about it: replaced as a whole, never in part."""

    valuation: Valuation
    version: str
    name: str = MODEL_NAME
    info: Mapping[str, object] = field(default_factory=dict)

    @property
    def coverage(self) -> object:
        """The share of cars whose price lies in the interval: 0.9."""
        return self.valuation.facts["coverage"]

    @property
    def suggestions(self) -> Mapping[str, list[str]]:
        """Make → its most common model names."""
        found = self.valuation.facts.get("suggestions", {})
        return found if isinstance(found, Mapping) else {}


class NoModel(LookupError):
    """No model has been loaded yet."""


class Holder:
    """Holds the served model. A request takes `current()` once and works with that."""

    def __init__(self, served: Served | None = None) -> None:
        self._served = served
        self._look: Callable[[], object] | None = None

    def look_with(self, look: Callable[[], object]) -> None:
        """Call `look` when a model is asked for and there is none yet."""
        self._look = look

    def current(self) -> Served:
        """What serves now. Raises NoModel."""
        if self._served is None and self._look:
            self._look()  # another worker may serve the first model already
        if self._served is None:
            raise NoModel
        return self._served

    def swap(self, served: Served) -> None:
        """Serve `served` from the next request on."""
        self._served = served


class Watcher:
    """Loads what MODEL_DIR/current.json names, and again whenever that file is replaced.

    load: (folder, SHA-256 of the registered manifest if known) → model.
    """

    def __init__(
        self, model_dir: str | Path, holder: Holder, load: Callable[[Path, str | None], Valuation]
    ) -> None:
        self.model_dir, self.holder, self._load = Path(model_dir), holder, load
        self._seen: tuple[int, int] | None = None
        self._lock = threading.Lock()  # who looks while a model is loading waits for it

    def start(self) -> None:
        """Look once, then go on looking in a daemon thread. Call it after the fork."""
        self.look()
        self.holder.look_with(self.look)
        threading.Thread(target=self._watch, name="model-watcher", daemon=True).start()

    def look(self) -> bool:
        """Swap the model if current.json is new. True if it was swapped.

        A model that cannot be loaded is logged and the old one stays.
        """
        current = self.model_dir / "current.json"
        with self._lock:
            try:
                stat = os.stat(current)
            except FileNotFoundError:
                return False
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp == self._seen:
                return False
            self._seen = stamp
            return self._swap(current)

    def _swap(self, current: Path) -> bool:
        try:
            info = read_json(current)
            registered = info.get("tags", {}).get("manifest_sha256")
            valuation = self._load(self.model_dir / info["folder"], registered)
            valuation.price_one(EXAMPLE)  # the first use is slow, and no client should wait for it
            self.holder.swap(Served(valuation, str(info["version"]), info=info))
        except (ValueError, KeyError, OSError) as error:
            log.error("model not loaded from %s, the old one stays: %r", current, error)
            return False
        log.info("model loaded: version %s, run %s", info["version"], info.get("run_id"))
        return True

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            self.look()
