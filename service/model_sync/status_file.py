"""MODEL_DIR/status.json: the state of model_sync, for /ready, /model and /metrics.

state, version, detail, since     of the production model; state is ok, none, checking,
                                  refused or unreachable
challenger                        the same four of the challenger; also off, shadow, canary,
                                  rolled back
refusals                          the last 20: alias, version, reason, at
refused_total                     alias → number of refusals, since MODEL_DIR was made
model_changes_total               number of changes of the production model
"""

import logging
import re
from pathlib import Path
from typing import Any

from service.json_files import now, read_json, write_json
from service.model_dir import STATUS_FILE
from vehicle_price.registry.names import CHALLENGER, PRODUCTION

log = logging.getLogger(__name__)

KEPT_REFUSALS = 20
VERSION_PATH = re.compile(r"\S*/versions/\.?([\w-]+)(?:\.[0-9a-f]{32})?")
NORMAL_STATES = ("ok", "off", "none", "checking", "shadow", "canary")


class StatusFile:
    """The content of status.json, written whenever it changes."""

    def __init__(self, model_dir: Path) -> None:
        self.path = model_dir / STATUS_FILE
        try:
            self._content: dict[str, Any] = read_json(self.path)
        except ValueError:  # damaged: only a report is lost, and it is written anew
            self._content = {}

    def report(self, alias: str, state: str, version: str | None, detail: str = "") -> None:
        """Log and write a state, if it has changed."""
        old = self._content if alias == PRODUCTION else self._content.get(CHALLENGER, {})
        new = {"state": state, "version": version, "detail": detail}
        if {name: old.get(name) for name in new} == new:
            return
        is_normal = state in NORMAL_STATES and not (state == "ok" and detail)
        level = logging.INFO if is_normal else logging.WARNING
        log.log(level, "%s: %s, version %s %s", alias, state, version, detail)
        new["since"] = now()
        self._write(new if alias == PRODUCTION else {CHALLENGER: new})

    def refused(self, alias: str, state: str, version: str, reason: str) -> None:
        """Report a state, and count it as a refusal."""
        self.report(alias, state, version, reason)
        refusal = {"alias": alias, "version": version, "reason": reason, "at": now()}
        refusals = [*self._content.get("refusals", []), refusal][-KEPT_REFUSALS:]
        totals = dict(self._content.get("refused_total", {}))
        totals[alias] = totals.get(alias, 0) + 1
        self._write({"refusals": refusals, "refused_total": totals})

    def count_change(self) -> None:
        """Count a change of the production model."""
        self._write({"model_changes_total": self._content.get("model_changes_total", 0) + 1})

    def _write(self, changes: dict[str, Any]) -> None:
        self._content = self._content | changes
        write_json(self.path, self._content)


def error_text(error: Exception) -> str:
    """An error as status.json shows it: without the path of the version on this machine.

    >>> text = "/x/versions/.4-f80d1374.56b7f5ef80094428913981c9dee52c9f/a.npz: damaged"
    >>> error_text(ValueError(text))
    'ValueError: 4-f80d1374/a.npz: damaged'
    """
    text = VERSION_PATH.sub(r"\1", str(error))
    return f"{type(error).__name__}: {text}"[:500]
