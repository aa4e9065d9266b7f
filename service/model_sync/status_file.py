"""What the sidecar found, for /ready, /model and /metrics: MODEL_DIR/status.json.

state, version, detail, since     of the production model; state is ok, none, checking,
                                  refused or unreachable
challenger                        the same four of the challenger; also off, shadow, canary,
                                  rolled back
refusals                          the last 20: alias, version, reason, at
refused_total                     alias → how many, since MODEL_DIR was made
model_changes_total               how often another version became production
"""

import logging
import re
from pathlib import Path
from typing import Any

from service.json_files import now, read_json, write_json

log = logging.getLogger(__name__)

FILE = "status.json"
PRODUCTION, CHALLENGER = "production", "challenger"
KEPT_REFUSALS = 20
PLACE = re.compile(r"\S*/versions/\.?([\w-]+)(?:\.[0-9a-f]{32})?")
GOOD = ("ok", "off", "none", "checking", "shadow", "canary")


class Status:
    """The sidecar's own picture of status.json; written whenever something changed."""

    def __init__(self, model_dir: Path) -> None:
        self.path = model_dir / FILE
        try:
            self._known: dict[str, Any] = read_json(self.path)
        except ValueError:  # damaged: it is only a report, and written anew
            self._known = {}

    def report(self, alias: str, state: str, version: str | None, detail: str = "") -> None:
        """Log and write a state, if it is another than before."""
        told = self._known if alias == PRODUCTION else self._known.get(CHALLENGER, {})
        new = {"state": state, "version": version, "detail": detail}
        if {name: told.get(name) for name in new} == new:
            return
        level = logging.INFO if state in GOOD else logging.WARNING
        log.log(level, "%s: %s, version %s %s", alias, state, version, detail)
        new["since"] = now()
        self._write(new if alias == PRODUCTION else {CHALLENGER: new})

    def refused(self, alias: str, state: str, version: str, reason: str) -> None:
        """As `report`, and counted among the refusals."""
        self.report(alias, state, version, reason)
        refusal = {"alias": alias, "version": version, "reason": reason, "at": now()}
        refusals = [*self._known.get("refusals", []), refusal][-KEPT_REFUSALS:]
        totals = dict(self._known.get("refused_total", {}))
        totals[alias] = totals.get(alias, 0) + 1
        self._write({"refusals": refusals, "refused_total": totals})

    def changed(self) -> None:
        """Count a change of the production model."""
        self._write({"model_changes_total": self._known.get("model_changes_total", 0) + 1})

    def _write(self, new: dict[str, Any]) -> None:
        self._known = self._known | new
        write_json(self.path, self._known)


def words(error: Exception) -> str:
    """An error as status.json shows it: without where on this machine the version lies.

    >>> words(ValueError("/x/versions/.4-f80d1374.56b7f5ef80094428913981c9dee52c9f/a.npz: damaged"))
    'ValueError: 4-f80d1374/a.npz: damaged'
    """
    text = PLACE.sub(r"\1", str(error))
    return f"{type(error).__name__}: {text}"[:500]
