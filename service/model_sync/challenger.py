"""The sidecar's second alias: brings the challenger to the workers, judges a canary, ends it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.inference.canary import verdict
from service.inference.canary_stats import Side
from service.json_files import now, read_json, write_json
from service.model_sync.canary_feedback import FeedbackReader
from service.model_sync.fetcher import NOT_TAKEN, Errors, Superseded, Taker, folder_name
from service.model_sync.status_file import CHALLENGER, Status, words

if TYPE_CHECKING:
    from vehicle_price.registry.client import ModelVersion

log = logging.getLogger(__name__)

MODES = ("off", "shadow", "canary")


@dataclass(frozen=True)
class Plan:
    """What the challenger may do: its mode, and a canary's percent of the clients."""

    mode: str = "off"
    share: int = 0

    @classmethod
    def checked(cls, mode: str, share: int) -> "Plan":
        """The plan, from settings. Raises ValueError that names the setting."""
        if mode not in MODES:
            raise ValueError(f"CHALLENGER_MODE={mode!r}: expected one of {', '.join(MODES)}")
        if not 0 < share <= 100:
            raise ValueError(f"CANARY_PERCENT={share}: expected 1 to 100 percent")
        return cls(mode, share)


class Challenger:
    """`follow()` looks at the alias once, `judge()` at what the workers counted.

    challenger.json names who challenges; refused.json those that must not come back.
    """

    def __init__(
        self,
        taker: Taker,
        errors: Errors,
        plan: Plan,
        status: Status,
        feedback: FeedbackReader | None = None,
    ) -> None:
        self.taker, self.errors, self.plan, self.status = taker, errors, plan, status
        self.feedback = feedback
        self.model_dir = taker.model_dir

    def current(self) -> dict[str, Any]:
        """Who challenges now; {} for nobody."""
        return _read(self.model_dir / "challenger.json")

    def judge(self, clock: float, serving: dict[str, Any]) -> None:
        """End a canary that the rule is against. serving: production's description, {} for none.

        clock: seconds from a clock that never goes back.
        """
        current = self.current()
        if current.get("mode") != "canary":
            return
        canary, production = counted(self.model_dir, str(current["folder"]))
        reported = None
        if self.feedback:
            runs = str(current["run_id"]), str(serving.get("run_id"))
            reported = self.feedback.pair(*runs, str(current["loaded_at"]), clock)
        if reason := verdict(canary, production, reported):
            self._refuse(Path(current["folder"]).name, current["version"], "rolled back", reason)

    def follow(self, serving: dict[str, Any]) -> None:
        """Look at the alias once, and do what it says. Raises what the registry does."""
        if self.plan.mode == "off" or not serving:
            self._withdraw("off" if self.plan.mode == "off" else "none", None)
            return
        wanted = self.taker.registry.version(CHALLENGER)
        if wanted is None or wanted.run_id == serving.get("run_id"):
            self._withdraw("none", None)
        elif known := _read(self.model_dir / "refused.json").get(folder_name(wanted)):
            self._withdraw(known["state"], wanted.version, known["reason"])
        elif self._challenges(wanted):
            self._say(wanted)
        else:
            self._take(wanted, serving)

    def _challenges(self, wanted: "ModelVersion") -> bool:
        known = self.current()
        plan = (known.get("mode"), known.get("share"))
        folder = Path(known.get("folder", ""))
        here = folder.name == folder_name(wanted) and (self.model_dir / folder).is_dir()
        return here and plan == (self.plan.mode, self.plan.share)

    def _take(self, wanted: "ModelVersion", serving: dict[str, Any]) -> None:
        self.status.report(CHALLENGER, "checking", wanted.version)
        try:
            described = self.taker.take(wanted, serving, lambda: True)
        except (Superseded, *self.errors.not_wanted):
            return
        except self.errors.unreachable:
            raise  # the registry went away meanwhile: that is no fault of the version
        except NOT_TAKEN as error:
            self._refuse(folder_name(wanted), wanted.version, "refused", words(error))
            return
        plan = {"mode": self.plan.mode, "share": self.plan.share}
        write_json(self.model_dir / "challenger.json", described | plan)
        self._say(wanted)

    def _say(self, wanted: "ModelVersion") -> None:
        detail = ""
        if self.plan.mode == "canary":
            paused = self.feedback.paused if self.feedback else ""
            detail = f"{self.plan.share} % of the clients" + (f"; {paused}" if paused else "")
        self.status.report(CHALLENGER, self.plan.mode, wanted.version, detail)

    def _refuse(self, folder: str, version: str, state: str, reason: str) -> None:
        """Remember it first: a sidecar killed in between must not let it come back."""
        path = self.model_dir / "refused.json"
        refusal = {"state": state, "reason": reason, "at": now()}
        write_json(path, _read(path) | {folder: refusal})
        self._clear()
        self.status.refused(CHALLENGER, state, version, reason)

    def _withdraw(self, state: str, version: str | None, detail: str = "") -> None:
        self._clear()
        self.status.report(CHALLENGER, state, version, detail)

    def _clear(self) -> None:
        if self.current():
            write_json(self.model_dir / "challenger.json", {})


def counted(model_dir: Path, folder: str) -> tuple[Side, Side]:
    """What all workers, those that ended included, counted of the canary in `folder` and of
    production meanwhile. What was counted of others is deleted."""
    canary, production = Side(), Side()
    for path in (model_dir / "tallies").glob("*.json"):
        known = _read(path)
        if known.get("folder") == folder:
            canary.add(Side(known["canary"]))
            production.add(Side(known["production"]))
        elif known:
            path.unlink(missing_ok=True)
    return canary, production


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except ValueError as error:
        log.warning("%s is damaged and counts as empty: %s", path, error)
        return {}
