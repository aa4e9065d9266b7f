"""Take a version from the registry: fetch it, try it out in a child process, keep it on disk."""

import logging
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.json_files import now

if TYPE_CHECKING:
    from vehicle_price.registry.client import ModelVersion, Registry

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0  # for the download, and again for the trial
PAUSE_SECONDS = 0.1

# (folder, manifest's SHA-256, seconds, still wanted?) → golden prices
Trial = Callable[[Path, str | None, float, Callable[[], bool]], list[int]]
# (folder, manifest's SHA-256) → whether every file is what was registered
Intact = Callable[[Path, str | None], bool]
# (new golden prices, those of the model that serves): raises when they jump
Compare = Callable[[Sequence[int], Sequence[int]], None]


# Whatever a storage or a model may come up with; a version that does so is not taken.
NOT_TAKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Errors:
    """Which errors mean what: they belong to the registry and the model, not to this module."""

    unreachable: tuple[type[Exception], ...]
    not_wanted: tuple[type[Exception], ...] = ()


class Slow(RuntimeError):
    """The storage has not delivered a version in time."""


class Superseded(RuntimeError):
    """Another version is wanted by now."""


@dataclass(frozen=True)
class Model:
    """What can be done with a model on disk, and which golden listings it is asked."""

    trial: Trial
    compare: Compare
    intact: Intact
    golden_set: int


class Taker:
    """Brings versions into MODEL_DIR/versions. What is there under its final name is whole."""

    def __init__(self, registry: "Registry", model_dir: Path, model: Model) -> None:
        self.registry, self.model_dir, self.model = registry, model_dir, model
        self._passed: dict[str, list[int]] = {}  # folder → its golden prices
        self.versions = model_dir / "versions"
        for left in self.versions.glob(".*"):  # of a sidecar that was killed
            shutil.rmtree(left, ignore_errors=True)

    def take(
        self, version: "ModelVersion", serving: dict[str, Any], wanted: Callable[[], bool]
    ) -> dict[str, Any]:
        """Fetch `version` unless it is on disk, and try it out. Returns what describes it.

        serving: the description of the model that serves, {} for none. wanted: asked often; when
        it says no, the taking is broken off with Superseded. Raises what registry and trial do.
        """
        folder = self.versions / folder_name(version)
        prices = self._tried_again(folder, version, wanted) if folder.is_dir() else None
        if prices is None:
            self._fetch(version, folder, wanted)
            try:
                prices = self._tried(folder, version, wanted)
            except Exception:  # whatever it was: what failed its trial is not kept
                shutil.rmtree(folder, ignore_errors=True)
                raise
        golden = serving.get("golden", {})
        if golden.get("set") == self.model.golden_set and not _may_jump(version, serving):
            self.model.compare(prices, golden["prices"])
        return self._described(version, folder, prices)

    def _tried_again(
        self, folder: Path, version: "ModelVersion", wanted: Callable[[], bool]
    ) -> list[int] | None:
        """The golden prices of what is on disk; None, and the folder gone, if it is damaged.

        What has passed its trial in this process and is unchanged needs no other: it is taken
        at once, also while MLflow's storage is away.
        """
        passed = self._passed.get(folder.name)
        if passed and self.model.intact(folder, version.tags.get("manifest_sha256")):
            return passed
        try:
            return self._tried(folder, version, wanted)
        except ValueError as error:
            log.warning("the copy of version %s is not right: %s", version.version, error)
            shutil.rmtree(folder, ignore_errors=True)
            return None

    def _tried(
        self, folder: Path, version: "ModelVersion", wanted: Callable[[], bool]
    ) -> list[int]:
        registered = version.tags.get("manifest_sha256")
        prices = self.model.trial(folder, registered, PATIENCE_SECONDS, wanted)
        self._passed[folder.name] = prices
        return prices

    def _fetch(self, version: "ModelVersion", folder: Path, wanted: Callable[[], bool]) -> None:
        log.info("fetching version %s, run %s", version.version, version.run_id)
        job = _Fetch(self.registry, version, self.versions / f".{folder.name}.{uuid.uuid4().hex}")
        job.start()
        job.finish(wanted)
        shutil.rmtree(folder, ignore_errors=True)
        job.found.replace(folder)
        shutil.rmtree(job.place, ignore_errors=True)

    def _described(
        self, version: "ModelVersion", folder: Path, prices: list[int]
    ) -> dict[str, Any]:
        return {
            "name": version.name,
            "version": version.version,
            "run_id": version.run_id,
            "folder": os.path.relpath(folder, self.model_dir),
            "tags": dict(version.tags),
            "metrics": dict(version.metrics),
            "golden": {"set": self.model.golden_set, "prices": prices},
            "loaded_at": now(),
        }


class _Fetch(threading.Thread):
    """One download. A storage that hangs holds this thread, not the sidecar."""

    def __init__(self, registry: "Registry", version: "ModelVersion", place: Path) -> None:
        super().__init__(name=f"fetch-{version.version}", daemon=True)
        self.registry, self.version, self.place = registry, version, place
        self.found = place
        self._error: Exception | None = None
        self._given_up = threading.Event()

    def run(self) -> None:
        """Download; what went wrong is raised by `finish`."""
        try:
            self.found = self.registry.fetch(self.version, self.place)
        except Exception as error:  # pylint: disable=broad-exception-caught  # raised in finish
            self._error = error
        if self._error or self._given_up.is_set():
            shutil.rmtree(self.place, ignore_errors=True)

    def finish(self, wanted: Callable[[], bool]) -> None:
        """Wait for the end. Raises Slow, Superseded or what the download raised."""
        waited = 0.0
        while self.is_alive():
            self.join(PAUSE_SECONDS)
            waited += PAUSE_SECONDS
            if self.is_alive() and (waited > PATIENCE_SECONDS or not wanted()):
                self._given_up.set()
                raise self._why(waited)
        if self._error:
            raise self._error

    def _why(self, waited: float) -> RuntimeError:
        if waited > PATIENCE_SECONDS:
            return Slow(f"the storage has not delivered it in {PATIENCE_SECONDS:g} s")
        return Superseded("another version is wanted by now")


def _may_jump(version: "ModelVersion", serving: dict[str, Any]) -> bool:
    """Whether its prices may be far from those of the model that serves: it serves or served
    before (a rollback), or somebody has said so (`vehicle-price promote --accept-price-jump`)."""
    known = [entry.get("run_id") for entry in (serving, *serving.get("before", []))]
    return version.run_id in known or version.tags.get("price_jump") == "accepted"


def folder_name(version: "ModelVersion") -> str:
    """Where a version lies. A rebuilt registry counts from 1 again, hence the run."""
    return f"{version.version}-{version.run_id[:8]}"
