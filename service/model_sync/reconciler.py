"""Reconcile MODEL_DIR with the registry's aliases.

A new version is fetched and tried (`fetcher.py`), and then current.json is replaced at once. A
refused version leaves the old one serving; status.json names the refused version and the reason.
"""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.json_files import read_json, write_json
from service.model_dir import CURRENT_FILE
from service.model_sync.challenger import Challenger
from service.model_sync.fetcher import (
    FETCH_ERRORS,
    Errors,
    ModelFetcher,
    Superseded,
    folder_name,
)
from service.model_sync.status_file import StatusFile, error_text
from vehicle_price.registry.names import MANIFEST_TAG, MOVED_BY_OTHERS, PRODUCTION

if TYPE_CHECKING:
    from vehicle_price.registry.client import ModelVersion

log = logging.getLogger(__name__)

SLOW_SECONDS = 5.0  # a fetch that lasts longer is reported as refused, and goes on
CHECK_SECONDS = 60.0  # between two checks of the hashes on disk
RETRY_SECONDS = 30.0  # a refusal may have been the storage's fault, so the version is tried again
MAX_RETRY_SECONDS = 600.0
FALLBACK_VERSIONS = 2  # earlier versions that workers may load when no newer one is usable
KEPT_VERSIONS = 3


class Reconciler:
    """One model_sync process: `step()` looks at the registry once.

    sync_requested: whether to look at the registry again; called while a version is fetched.
    """

    def __init__(
        self,
        fetcher: ModelFetcher,
        errors: Errors,
        sync_requested: Callable[[], bool],
        challenger: Challenger | None = None,
    ) -> None:
        self.fetcher, self.registry, self.model_dir = fetcher, fetcher.registry, fetcher.model_dir
        self.errors, self.sync_requested = errors, sync_requested
        self.status = challenger.status if challenger else StatusFile(self.model_dir)
        self.challenger = challenger
        self._refusals = Refusals()
        self._checked_at = -CHECK_SECONDS

    def step(self, clock: float) -> str:
        """Look once. clock: seconds of a monotonic clock.

        Returns the outcome: same, loaded, none, refused, superseded or unreachable.
        """
        if self.challenger:
            self.challenger.judge(clock, self.current())  # also while the registry is unreachable
        try:
            outcome = self._reconcile_production(clock)
            if self.challenger:
                self.challenger.reconcile(self.current())
            return outcome
        except self.errors.unreachable as error:
            serving_version = self.current().get("version")
            self.status.report(PRODUCTION, "unreachable", serving_version, error_text(error))
            return "unreachable"

    def current(self) -> dict[str, Any]:
        """The content of current.json; {} when there is none, or it is damaged."""
        try:
            return read_json(self.model_dir / CURRENT_FILE)
        except ValueError as error:
            log.warning("%s is damaged and will be replaced: %s", CURRENT_FILE, error)
            return {}

    def _reconcile_production(self, clock: float) -> str:
        version = self.registry.version(PRODUCTION)
        if version is None:
            detail = f"the registry has no model with alias {PRODUCTION}"
            self.status.report(PRODUCTION, "none", None, detail)
            return "none"
        if self._serves(version, clock):
            self._report_ok(version)
            return "same"
        if self._refusals.must_wait(folder_name(version), clock):
            reason = self._refusals.reason(folder_name(version))
            self.status.report(PRODUCTION, "refused", version.version, reason)
            return "refused"
        return self._fetch(version, clock)

    def _serves(self, version: "ModelVersion", clock: float) -> bool:
        current = self.current()
        if (current.get("version"), current.get("run_id")) != (version.version, version.run_id):
            return False
        folder = self.model_dir / current["folder"]
        if not folder.is_dir():
            return False
        if clock - self._checked_at < CHECK_SECONDS:
            return True
        self._checked_at = clock
        return self.fetcher.checks.is_intact(folder, version.tags.get(MANIFEST_TAG))

    def _fetch(self, version: "ModelVersion", clock: float) -> str:
        progress = FetchProgress(self, version)
        try:
            description = self.fetcher.fetch(version, self.current(), progress.is_current)
        except (Superseded, *self.errors.superseded):
            return "superseded"  # the next step fetches the other version at once
        except self.errors.unreachable + FETCH_ERRORS as error:
            self._refusals.add(folder_name(version), clock, error_text(error))
            # A slow fetch was counted as refused before.
            report = self.status.report if progress.reported_slow else self.status.refused
            report(PRODUCTION, "refused", version.version, error_text(error))
            return "refused"
        self._publish(description)
        self._checked_at = clock
        self._refusals.forget(folder_name(version))
        self._report_ok(version)
        return "loaded"

    def _report_ok(self, version: "ModelVersion") -> None:
        """Report that the version serves, and whether this project put it into production."""
        detail = MOVED_BY_OTHERS if self.registry.was_moved_by_others(version) else ""
        self.status.report(PRODUCTION, "ok", version.version, detail)

    def _publish(self, description: dict[str, Any]) -> None:
        before = earlier_versions(description, self.current())
        write_json(self.model_dir / CURRENT_FILE, description | {"before": before})
        self.status.count_change()
        used_folders = {description["folder"], *(entry["folder"] for entry in before)}
        if self.challenger:
            used_folders.add(self.challenger.current().get("folder", ""))
        delete_unused(self.fetcher.versions, {Path(folder).name for folder in used_folders})


class FetchProgress:
    """A running fetch: is its version still the production version, and is the fetch slow?"""

    def __init__(self, reconciler: Reconciler, version: "ModelVersion") -> None:
        self.reconciler, self.version = reconciler, version
        self.reported_slow = False  # True once this version was counted as refused
        self._started = time.monotonic()

    def is_current(self) -> bool:
        """Called often; asks the registry only after a request to sync."""
        self._report_if_slow()
        if not self.reconciler.sync_requested():
            return True
        try:
            production = self.reconciler.registry.version(PRODUCTION)
        except self.reconciler.errors.unreachable:
            return True
        return production is not None and folder_name(production) == folder_name(self.version)

    def _report_if_slow(self) -> None:
        if not self.reported_slow and time.monotonic() - self._started > SLOW_SECONDS:
            self.reported_slow = True
            reason = f"not fetched and tried out after {SLOW_SECONDS:g} s; it is given more time"
            self.reconciler.status.refused(PRODUCTION, "refused", self.version.version, reason)


class Refusals:
    """The refused versions: the reason, and the time of the next try."""

    def __init__(self) -> None:
        self._by_folder: dict[str, tuple[int, float, str]] = {}  # count, next try, reason

    def add(self, folder: str, clock: float, reason: str) -> None:
        """Record a refusal; each further one of the same version doubles the pause."""
        count = self._by_folder.get(folder, (0, 0.0, ""))[0] + 1
        pause = min(RETRY_SECONDS * 2 ** (count - 1), MAX_RETRY_SECONDS)
        self._by_folder[folder] = (count, clock + pause, reason)

    def must_wait(self, folder: str, clock: float) -> bool:
        """Whether it is too early to try this version again."""
        return folder in self._by_folder and clock < self._by_folder[folder][1]

    def reason(self, folder: str) -> str:
        """The reason of the last refusal."""
        return self._by_folder[folder][2]

    def forget(self, folder: str) -> None:
        """Delete the refusals of a version that was fetched after all."""
        self._by_folder.pop(folder, None)


def earlier_versions(new: dict[str, Any], old: dict[str, Any]) -> list[dict[str, Any]]:
    """The models before `new`, the latest first; after a rollback, none of the later ones.

    >>> one, two = {"folder": "1"}, {"folder": "2", "before": [{"folder": "1"}]}
    >>> earlier_versions({"folder": "3"}, two), earlier_versions(one, two)
    ([{'folder': '2'}, {'folder': '1'}], [])
    """
    last = {name: value for name, value in old.items() if name != "before"}
    history = [entry for entry in [last, *old.get("before", [])] if entry]
    folders = [entry["folder"] for entry in history]
    if new["folder"] in folders:
        return history[folders.index(new["folder"]) + 1 :]
    return history[:FALLBACK_VERSIONS]


def delete_unused(versions: Path, used: set[str]) -> None:
    """Delete all but the newest few folders and `used`. A worker may be loading a new one."""
    complete = [folder for folder in versions.iterdir() if not folder.name.startswith(".")]
    newest = sorted(complete, key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in newest[KEPT_VERSIONS:]:
        if folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)
