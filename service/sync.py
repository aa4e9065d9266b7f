"""`python -m service.sync`: keep MODEL_DIR equal to the registry's `production` model.

The service's workers read MODEL_DIR only. This process alone speaks to MLflow: it fetches a new
version, has it checked in a child process, and then replaces current.json at once. A version that
is refused leaves the old one serving; status.json says what was refused and why.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from service.files import read_json, write_json
from service.logs import configure
from vehicle_price.settings import Settings

if TYPE_CHECKING:
    from vehicle_price.registry import ModelVersion, Registry

log = logging.getLogger(__name__)

ALIAS = "production"
CHECK_SECONDS = 60
RETRY_SECONDS = 30.0  # a refusal may have been the storage's fault, so it is tried again
KEPT_VERSIONS = 3


@dataclass(frozen=True)
class Errors:
    """Which errors mean what: they belong to the registry and the model, not to this module."""

    unreachable: tuple[type[Exception], ...]
    refused: tuple[type[Exception], ...]


@dataclass(frozen=True)
class Refusal:
    """A version that was not taken: where it lay, when (seconds), and why."""

    folder: str = ""
    clock: float = 0.0
    reason: str = ""


class Sync:
    """One sidecar: `step()` looks at the registry once."""

    def __init__(
        self,
        registry: "Registry",
        model_dir: str | Path,
        check: Callable[[Path, float], None],
        errors: Errors,
    ) -> None:
        self.registry, self.model_dir = registry, Path(model_dir)
        self.check, self.errors = check, errors
        self._refusal = Refusal()
        self._reported: tuple[str, object] | None = None

    def step(self, clock: float) -> str:
        """Look once. `clock`: seconds from a clock that never goes back.

        Returns what was found: same, loaded, none, refused or unreachable.
        """
        try:
            wanted = self.registry.version(ALIAS)
        except self.errors.unreachable as error:
            return self._report("unreachable", None, _words(error))
        if wanted is None:
            return self._report("none", None, f"the registry has no model with alias {ALIAS}")
        if self._serves(wanted):
            return self._report("same", wanted.version)
        if self._waits(wanted, clock):
            return self._report("refused", wanted.version, self._refusal.reason)
        return self._take(wanted, clock)

    def _serves(self, wanted: "ModelVersion") -> bool:
        current = read_json(self.model_dir / "current.json")
        same = (current.get("version"), current.get("run_id")) == (wanted.version, wanted.run_id)
        return same and (self.model_dir / current["folder"]).is_dir()

    def _waits(self, wanted: "ModelVersion", clock: float) -> bool:
        again = self._refusal.clock + RETRY_SECONDS
        return self._refusal.folder == _folder(wanted) and clock < again

    def _take(self, wanted: "ModelVersion", clock: float) -> str:
        log.info("fetching version %s, run %s", wanted.version, wanted.run_id)
        target = self.model_dir / "versions" / _folder(wanted)
        shutil.rmtree(target, ignore_errors=True)
        try:
            folder = self.registry.fetch(wanted, target)
            self.check(folder, CHECK_SECONDS)
        except self.errors.unreachable + self.errors.refused as error:
            shutil.rmtree(target, ignore_errors=True)
            self._refusal = Refusal(_folder(wanted), clock, _words(error))
            return self._report("refused", wanted.version, self._refusal.reason)
        self._publish(wanted, folder)
        return self._report("loaded", wanted.version)

    def _publish(self, wanted: "ModelVersion", folder: Path) -> None:
        current = {
            "name": wanted.name,
            "version": wanted.version,
            "run_id": wanted.run_id,
            "folder": os.path.relpath(folder, self.model_dir),
            "tags": dict(wanted.tags),
            "metrics": dict(wanted.metrics),
            "loaded_at": _now(),
        }
        write_json(self.model_dir / "current.json", current)
        _prune(self.model_dir / "versions", _folder(wanted))

    def _report(self, found: str, version: str | None, detail: str = "") -> str:
        """Log what was found and write it to status.json, once per change."""
        state = "ok" if found in ("same", "loaded") else found
        if (state, version) != self._reported:
            self._reported = (state, version)
            level = logging.INFO if state == "ok" else logging.WARNING
            log.log(level, "registry: %s, version %s %s", found, version, detail)
            report = {"state": state, "version": version, "detail": detail, "since": _now()}
            write_json(self.model_dir / "status.json", report)
        return found


def _folder(version: "ModelVersion") -> str:
    """Where a version lies. A rebuilt registry counts from 1 again, hence the run."""
    return f"{version.version}-{version.run_id[:8]}"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _prune(versions: Path, current: str) -> None:
    """Delete all but the newest few; one that a worker may still be loading is among those."""
    newest = sorted(versions.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for old in newest[KEPT_VERSIONS:]:
        if old.name != current:
            shutil.rmtree(old, ignore_errors=True)


def sync_from(settings: Settings) -> Sync:
    """The sidecar that `settings` describe."""
    # Only here: MLflow takes seconds and 300 MB to import.
    from vehicle_price.artifact import ArtifactError, check_in_child
    from vehicle_price.registry import Registry, RegistryError

    errors = Errors(unreachable=(RegistryError,), refused=(ArtifactError,))
    registry = Registry(settings.mlflow_tracking_uri)
    return Sync(registry, settings.model_dir, check_in_child, errors)


def main() -> None:
    """Look at the registry every MODEL_POLL_SECONDS until stopped."""
    # MLflow's default blocks for four minutes when its server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    settings = Settings.from_environment()
    configure(settings.log_level)
    sync = sync_from(settings)
    log.info("watching alias %s at %s", ALIAS, settings.mlflow_tracking_uri)
    while True:
        sync.step(time.monotonic())
        time.sleep(settings.model_poll_seconds)


if __name__ == "__main__":
    main()
