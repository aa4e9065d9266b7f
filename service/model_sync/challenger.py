"""The alias `challenger`: bring its version to the workers, judge a canary, roll it back."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.inference.canary_stats import RoleStats
from service.json_files import now, read_json, write_json
from service.model_dir import CANARY_STATS_FOLDER, CHALLENGER_FILE, REFUSED_FILE, canary_key
from service.model_sync.canary_feedback import FeedbackReader
from service.model_sync.canary_rule import rollback_reason
from service.model_sync.fetcher import (
    FETCH_ERRORS,
    Errors,
    ModelFetcher,
    Superseded,
    folder_name,
)
from service.model_sync.status_file import StatusFile, error_text
from vehicle_price.registry.names import CHALLENGER

if TYPE_CHECKING:
    from vehicle_price.registry.client import ModelVersion

log = logging.getLogger(__name__)

MODES = ("off", "shadow", "canary")


@dataclass(frozen=True)
class ChallengerMode:
    """What a challenger does: its mode, and a canary's percent of the clients."""

    mode: str = "off"
    share: int = 0

    @classmethod
    def checked(cls, mode: str, share: int) -> "ChallengerMode":
        """The mode from settings. Raises ValueError that names the setting."""
        if mode not in MODES:
            raise ValueError(f"CHALLENGER_MODE={mode!r}: expected one of {', '.join(MODES)}")
        if not 0 < share <= 100:
            raise ValueError(f"CANARY_PERCENT={share}: expected 1 to 100 percent")
        return cls(mode, share)


class Challenger:
    """`reconcile()` looks at the alias once, `judge()` at the workers' counts of a canary.

    challenger.json names the challenger; refused.json the challengers that must not come back.
    """

    def __init__(
        self,
        fetcher: ModelFetcher,
        errors: Errors,
        mode: ChallengerMode,
        status: StatusFile,
        feedback: FeedbackReader | None = None,
    ) -> None:
        self.fetcher, self.errors, self.mode, self.status = fetcher, errors, mode, status
        self.feedback = feedback
        self.model_dir = fetcher.model_dir

    def current(self) -> dict[str, Any]:
        """The description of the present challenger; {} for none."""
        return _read(self.model_dir / CHALLENGER_FILE)

    def judge(self, clock: float, serving: dict[str, Any]) -> None:
        """Roll back a canary that breaks the rule. serving: production's description, {} for none.

        clock: seconds of a monotonic clock.
        """
        current = self.current()
        if current.get("mode") != "canary":
            return
        canary, production = worker_stats(self.model_dir, canary_key(current))
        feedback = None
        if self.feedback:
            runs = str(current["run_id"]), str(serving.get("run_id"))
            feedback = self.feedback.counts(*runs, str(current["loaded_at"]), clock)
        if reason := rollback_reason(canary, production, feedback):
            folder = Path(current["folder"]).name
            self._refuse(folder, current["version"], "rolled back", reason)

    def reconcile(self, serving: dict[str, Any]) -> None:
        """Look at the alias once, and follow it. Raises the registry's errors."""
        if self.mode.mode == "off" or not serving:
            self._withdraw("off" if self.mode.mode == "off" else "none", None)
            return
        version = self.fetcher.registry.version(CHALLENGER)
        if version is None or version.run_id == serving.get("run_id"):
            self._withdraw("none", None)
        elif refusal := _read(self.model_dir / REFUSED_FILE).get(folder_name(version)):
            self._withdraw(refusal["state"], version.version, refusal["reason"])
        elif self._serves(version):
            self._report(version)
        else:
            self._fetch(version, serving)

    def _serves(self, version: "ModelVersion") -> bool:
        current = self.current()
        mode = (current.get("mode"), current.get("share"))
        folder = Path(current.get("folder", ""))
        on_disk = folder.name == folder_name(version) and (self.model_dir / folder).is_dir()
        return on_disk and mode == (self.mode.mode, self.mode.share)

    def _fetch(self, version: "ModelVersion", serving: dict[str, Any]) -> None:
        self.status.report(CHALLENGER, "checking", version.version)
        try:
            description = self.fetcher.fetch(version, serving, lambda: True)
        except (Superseded, *self.errors.superseded):
            return
        except self.errors.unreachable:
            raise  # the registry became unreachable: not a fault of the version
        except FETCH_ERRORS as error:
            self._refuse(folder_name(version), version.version, "refused", error_text(error))
            return
        mode = {"mode": self.mode.mode, "share": self.mode.share}
        write_json(self.model_dir / CHALLENGER_FILE, description | mode)
        self._report(version)

    def _report(self, version: "ModelVersion") -> None:
        detail = ""
        if self.mode.mode == "canary":
            paused = self.feedback.paused if self.feedback else ""
            detail = f"{self.mode.share} % of the clients" + (f"; {paused}" if paused else "")
        self.status.report(CHALLENGER, self.mode.mode, version.version, detail)

    def _refuse(self, folder: str, version: str, state: str, reason: str) -> None:
        """Write the refusal first: if this process is killed in between, it still counts."""
        path = self.model_dir / REFUSED_FILE
        refusal = {"state": state, "reason": reason, "at": now()}
        write_json(path, _read(path) | {folder: refusal})
        self._clear()
        self.status.refused(CHALLENGER, state, version, reason)

    def _withdraw(self, state: str, version: str | None, detail: str = "") -> None:
        self._clear()
        self.status.report(CHALLENGER, state, version, detail)

    def _clear(self) -> None:
        if self.current():
            write_json(self.model_dir / CHALLENGER_FILE, {})


def worker_stats(model_dir: Path, key: str) -> tuple[RoleStats, RoleStats]:
    """The counts of the canary with this key, and of production meanwhile, over all workers,
    including workers that have ended. Counts of other canaries are deleted."""
    canary, production = RoleStats(), RoleStats()
    for path in (model_dir / CANARY_STATS_FOLDER).glob("*.json"):
        counts = _read(path)
        if counts.get("key") == key:
            canary.add(RoleStats(counts["canary"]))
            production.add(RoleStats(counts["production"]))
        elif counts:
            path.unlink(missing_ok=True)
    return canary, production


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except ValueError as error:
        log.warning("%s is damaged and counts as empty: %s", path, error)
        return {}
