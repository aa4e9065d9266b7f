"""The sidecar's work: MODEL_DIR follows the registry's aliases.

A new version is taken (`fetcher.py`), and then current.json is replaced at once. A version that is
refused leaves the old one serving; status.json says what was refused and why.
"""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.json_files import read_json, write_json
from service.model_sync.challenger import Challenger
from service.model_sync.fetcher import NOT_TAKEN, Errors, Superseded, Taker, folder_name
from service.model_sync.refusals import Refusals
from service.model_sync.status_file import PRODUCTION, Status, words

if TYPE_CHECKING:
    from vehicle_price.registry.client import ModelVersion

log = logging.getLogger(__name__)

SLOW_SECONDS = 5.0  # from then on, a version that has not been taken is reported as refused
CHECK_SECONDS = 60.0  # how often the copy on disk is compared with its hashes
KEPT_BEFORE = 2  # versions that served before, and can serve again when nothing else is left
KEPT_VERSIONS = 3


class Sync:
    """One sidecar: `step()` looks at the registry once.

    changed: whether it is time to look again; asked while a version is being taken.
    """

    def __init__(
        self,
        taker: Taker,
        errors: Errors,
        changed: Callable[[], bool],
        challenger: Challenger | None = None,
    ) -> None:
        self.taker, self.registry, self.model_dir = taker, taker.registry, taker.model_dir
        self.errors, self._changed = errors, changed
        self.status = challenger.status if challenger else Status(self.model_dir)
        self.challenger = challenger
        self._refused = Refusals()
        self._checked = -CHECK_SECONDS

    def step(self, clock: float) -> str:
        """Look once. `clock`: seconds from a clock that never goes back.

        Returns what was found: same, loaded, none, refused, superseded or unreachable.
        """
        if self.challenger:
            self.challenger.judge(clock, self.current())  # also while the registry is away
        try:
            found = self._production(clock)
            if self.challenger:
                self.challenger.follow(self.current())
            return found
        except self.errors.unreachable as error:
            self.status.report(PRODUCTION, "unreachable", self._serving(), words(error))
            return "unreachable"

    def current(self) -> dict[str, Any]:
        """What current.json says; {} when there is none, or it is damaged."""
        try:
            return read_json(self.model_dir / "current.json")
        except ValueError as error:
            log.warning("current.json is damaged and will be replaced: %s", error)
            return {}

    def _production(self, clock: float) -> str:
        wanted = self.registry.version(PRODUCTION)
        if wanted is None:
            detail = f"the registry has no model with alias {PRODUCTION}"
            self.status.report(PRODUCTION, "none", None, detail)
            return "none"
        if self._serves(wanted, clock):
            self.status.report(PRODUCTION, "ok", wanted.version)
            return "same"
        if self._refused.waits(folder_name(wanted), clock):
            reason = self._refused.reason(folder_name(wanted))
            self.status.report(PRODUCTION, "refused", wanted.version, reason)
            return "refused"
        return self._take(wanted, clock)

    def _serving(self) -> str | None:
        return self.current().get("version")

    def _serves(self, wanted: "ModelVersion", clock: float) -> bool:
        current = self.current()
        if (current.get("version"), current.get("run_id")) != (wanted.version, wanted.run_id):
            return False
        folder = self.model_dir / current["folder"]
        if not folder.is_dir():
            return False
        if clock - self._checked < CHECK_SECONDS:
            return True
        self._checked = clock
        return self.taker.model.intact(folder, wanted.tags.get("manifest_sha256"))

    def _take(self, wanted: "ModelVersion", clock: float) -> str:
        watch = Watch(self, wanted)
        try:
            described = self.taker.take(wanted, self.current(), watch.still_wanted)
        except (Superseded, *self.errors.not_wanted):
            return "superseded"  # the next step, at once, takes the other
        except self.errors.unreachable + NOT_TAKEN as error:
            self._refused.add(folder_name(wanted), clock, words(error))
            tell = self.status.report if watch.said else self.status.refused
            tell(PRODUCTION, "refused", wanted.version, words(error))
            return "refused"
        self._publish(described)
        self._checked = clock
        self._refused.forget(folder_name(wanted))
        self.status.report(PRODUCTION, "ok", wanted.version)
        return "loaded"

    def _publish(self, described: dict[str, Any]) -> None:
        before = stack(described, self.current())
        write_json(self.model_dir / "current.json", described | {"before": before})
        self.status.changed()
        kept = {described["folder"], *(entry["folder"] for entry in before)}
        if self.challenger:
            kept.add(self.challenger.current().get("folder", ""))
        prune(self.taker.versions, {Path(folder).name for folder in kept})


class Watch:
    """While a version is being taken: is it still the wanted one, and has it become slow?"""

    def __init__(self, sync: Sync, wanted: "ModelVersion") -> None:
        self.sync, self.wanted = sync, wanted
        self.said = False  # then it has been counted as refused already
        self._started = time.monotonic()

    def still_wanted(self) -> bool:
        """Asked often; asks the registry only when there is reason to."""
        self._say_slow()
        if not self.sync._changed():  # pylint: disable=protected-access
            return True
        try:
            now = self.sync.registry.version(PRODUCTION)
        except self.sync.errors.unreachable:
            return True
        return now is not None and folder_name(now) == folder_name(self.wanted)

    def _say_slow(self) -> None:
        if not self.said and time.monotonic() - self._started > SLOW_SECONDS:
            self.said = True
            reason = f"not fetched and tried out after {SLOW_SECONDS:g} s; it is given more time"
            self.sync.status.refused(PRODUCTION, "refused", self.wanted.version, reason)


def stack(new: dict[str, Any], old: dict[str, Any]) -> list[dict[str, Any]]:
    """What served before `new`, the latest first; after a rollback, nothing from after it.

    >>> one, two = {"folder": "1"}, {"folder": "2", "before": [{"folder": "1"}]}
    >>> stack({"folder": "3"}, two), stack(one, two)
    ([{'folder': '2'}, {'folder': '1'}], [])
    """
    last = {name: value for name, value in old.items() if name != "before"}
    known = [entry for entry in [last, *old.get("before", [])] if entry]
    folders = [entry["folder"] for entry in known]
    if new["folder"] in folders:
        return known[folders.index(new["folder"]) + 1 :]
    return known[:KEPT_BEFORE]


def prune(versions: Path, kept: set[str]) -> None:
    """Delete all but the newest few and `kept`; one that a worker may be loading is among those."""
    whole = [folder for folder in versions.iterdir() if not folder.name.startswith(".")]
    newest = sorted(whole, key=lambda folder: folder.stat().st_mtime, reverse=True)
    for old in newest[KEPT_VERSIONS:]:
        if old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)
