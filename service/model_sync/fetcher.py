"""Bring a model version into MODEL_DIR: download it, try it in a child process, describe it."""

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
from service.model_dir import VERSIONS_FOLDER
from vehicle_price.registry.names import MANIFEST_TAG, PRICE_JUMP_ACCEPTED, PRICE_JUMP_TAG

if TYPE_CHECKING:
    from vehicle_price.registry.client import ModelVersion, Registry

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0  # for the download, and again for the trial
POLL_SECONDS = 0.1

# (folder, manifest's SHA-256, time-out in seconds, still current?) → golden prices
Trial = Callable[[Path, str | None, float, Callable[[], bool]], list[int]]
# (folder, manifest's SHA-256) → whether every file is as registered
IsIntact = Callable[[Path, str | None], bool]
# (golden prices of the new model, of the serving model): raises when they differ too much
Compare = Callable[[Sequence[int], Sequence[int]], None]


# The errors that a storage or a model may raise; a version that raises one is refused.
FETCH_ERRORS = (
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
    """The errors of registry and model that have a meaning here; their classes are passed in,
    because importing MLflow takes seconds.

    unreachable: the registry does not answer. superseded: a trial was stopped.
    """

    unreachable: tuple[type[Exception], ...]
    superseded: tuple[type[Exception], ...] = ()


class FetchTimeout(RuntimeError):
    """The storage did not deliver a version in time."""


class Superseded(RuntimeError):
    """The alias names another version by now."""


@dataclass(frozen=True)
class ModelChecks:
    """The checks of a model on disk. golden_set: number of the golden listings that it prices."""

    trial: Trial
    compare: Compare
    is_intact: IsIntact
    golden_set: int


class ModelFetcher:
    """Brings versions into MODEL_DIR/versions. A folder there with its final name is complete."""

    def __init__(self, registry: "Registry", model_dir: Path, checks: ModelChecks) -> None:
        self.registry, self.model_dir, self.checks = registry, model_dir, checks
        self._golden_prices: dict[str, list[int]] = {}  # of the folders that passed their trial
        self.versions = model_dir / VERSIONS_FOLDER
        for draft in self.versions.glob(".*"):  # of a process that was killed
            shutil.rmtree(draft, ignore_errors=True)

    def fetch(
        self, version: "ModelVersion", serving: dict[str, Any], is_current: Callable[[], bool]
    ) -> dict[str, Any]:
        """Download `version` unless it is on disk, and try it. Returns its description.

        serving: the description of the serving model, {} for none. is_current: called often; when
        it returns False, the fetch ends with Superseded. Raises the errors of registry and trial.
        """
        folder = self.versions / folder_name(version)
        prices = self._try_again(folder, version, is_current) if folder.is_dir() else None
        if prices is None:
            self._download(version, folder, is_current)
            try:
                prices = self._try(folder, version, is_current)
            except Exception:  # of any kind: a version that failed its trial is not kept
                shutil.rmtree(folder, ignore_errors=True)
                raise
        golden = serving.get("golden", {})
        if golden.get("set") == self.checks.golden_set and not _may_jump(version, serving):
            self.checks.compare(prices, golden["prices"])
        return self._description(version, folder, prices)

    def _try_again(
        self, folder: Path, version: "ModelVersion", is_current: Callable[[], bool]
    ) -> list[int] | None:
        """The golden prices of a version on disk; None, and the folder deleted, if it is damaged.

        An unchanged version that has passed its trial in this process needs no other trial: it is
        ready at once, also while MLflow's storage is unreachable.
        """
        prices = self._golden_prices.get(folder.name)
        if prices and self.checks.is_intact(folder, version.tags.get(MANIFEST_TAG)):
            return prices
        try:
            return self._try(folder, version, is_current)
        except ValueError as error:
            log.warning("the copy of version %s is not right: %s", version.version, error)
            shutil.rmtree(folder, ignore_errors=True)
            return None

    def _try(
        self, folder: Path, version: "ModelVersion", is_current: Callable[[], bool]
    ) -> list[int]:
        manifest_sha256 = version.tags.get(MANIFEST_TAG)
        prices = self.checks.trial(folder, manifest_sha256, TIMEOUT_SECONDS, is_current)
        self._golden_prices[folder.name] = prices
        return prices

    def _download(
        self, version: "ModelVersion", folder: Path, is_current: Callable[[], bool]
    ) -> None:
        log.info("fetching version %s, run %s", version.version, version.run_id)
        draft = self.versions / f".{folder.name}.{uuid.uuid4().hex}"
        download = _Download(self.registry, version, draft)
        download.start()
        files = download.wait(is_current)
        shutil.rmtree(folder, ignore_errors=True)
        files.replace(folder)
        shutil.rmtree(draft, ignore_errors=True)

    def _description(
        self, version: "ModelVersion", folder: Path, prices: list[int]
    ) -> dict[str, Any]:
        return {
            "name": version.name,
            "version": version.version,
            "run_id": version.run_id,
            "folder": os.path.relpath(folder, self.model_dir),
            "tags": dict(version.tags),
            "metrics": dict(version.metrics),
            "golden": {"set": self.checks.golden_set, "prices": prices},
            "loaded_at": now(),
        }


class _Download(threading.Thread):
    """One download. A storage that hangs blocks this thread, not model_sync."""

    def __init__(self, registry: "Registry", version: "ModelVersion", draft: Path) -> None:
        super().__init__(name=f"fetch-{version.version}", daemon=True)
        self.registry, self.version, self.draft = registry, version, draft
        self._files = draft
        self._error: Exception | None = None
        self._abandoned = threading.Event()

    def run(self) -> None:
        """Download; `wait` raises the error, if there is one."""
        try:
            self._files = self.registry.fetch(self.version, self.draft)
        except Exception as error:  # pylint: disable=broad-exception-caught  # raised in wait
            self._error = error
        if self._error or self._abandoned.is_set():
            shutil.rmtree(self.draft, ignore_errors=True)

    def wait(self, is_current: Callable[[], bool]) -> Path:
        """Wait for the end; the folder with the files. Raises FetchTimeout, Superseded or the
        error of the download."""
        waited = 0.0
        while self.is_alive():
            self.join(POLL_SECONDS)
            waited += POLL_SECONDS
            if self.is_alive() and (waited > TIMEOUT_SECONDS or not is_current()):
                self._abandoned.set()
                raise _end_reason(waited)
        if self._error:
            raise self._error
        return self._files


def _end_reason(waited: float) -> RuntimeError:
    if waited > TIMEOUT_SECONDS:
        return FetchTimeout(f"the storage has not delivered it in {TIMEOUT_SECONDS:g} s")
    return Superseded("another version is wanted by now")


def _may_jump(version: "ModelVersion", serving: dict[str, Any]) -> bool:
    """Whether the prices may differ widely from those of the serving model.

    They may after a rollback (the version serves or has served), and for a version promoted with
    `vehicle-price promote --accept-price-jump`.
    """
    served_runs = [entry.get("run_id") for entry in (serving, *serving.get("before", []))]
    return version.run_id in served_runs or version.tags.get(PRICE_JUMP_TAG) == PRICE_JUMP_ACCEPTED


def folder_name(version: "ModelVersion") -> str:
    """The name of a version's folder. A rebuilt registry counts from 1 again, hence the run."""
    return f"{version.version}-{version.run_id[:8]}"
