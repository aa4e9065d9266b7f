"""The platform of a rehearsal: as `make build` starts it, beside the usual one, with short days."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from setup.native.environment import LISTINGS_NAMES, ROOT, settings_from
from vehicle_price.settings import Settings

PORTS = tuple(field.name for field in fields(Settings) if field.name.endswith("_port"))
GRACE_SECONDS = POLL_SECONDS = 1


class PlatformFailed(RuntimeError):
    """The platform did not start; what it printed says why."""


def environment(usual: Settings, day_seconds: int, port_offset: int) -> dict[str, str]:
    """The environment of the rehearsal's platform: a folder, ports and a window of its own."""
    local = Path(usual.local_dir) / "rehearsal"
    ports = {name.upper(): str(getattr(usual, name) + port_offset) for name in PORTS}
    others = {k: v for k, v in os.environ.items() if k not in LISTINGS_NAMES}
    return others | ports | {
        "LOCAL_DIR": str(local),
        "ENV_FILE": str(local / ".env"),
        "SOURCE": "file",
        "DATA": str(local / "listings.csv"),
        "MONITORING_WINDOW_SECONDS": str(day_seconds),
        "MONITORING_GRACE_SECONDS": str(GRACE_SECONDS),
        "MONITORING_POLL_SECONDS": str(POLL_SECONDS),
        "RETRAINING": "auto",
    }  # fmt: skip


def start(environ: Mapping[str, str]) -> Settings:
    """`make build` with the listings that are there; its settings. Raises PlatformFailed."""
    if _command(environ, "build", "--train"):
        raise PlatformFailed("the platform of the rehearsal did not start: see above")
    return settings_from(environ)


def remove(environ: Mapping[str, str]) -> None:
    """Stop the platform, if it runs, and delete everything it wrote."""
    stop(environ)
    shutil.rmtree(environ["LOCAL_DIR"], ignore_errors=True)


def stop(environ: Mapping[str, str]) -> None:
    """End every process, if there are any; what they wrote stays."""
    if Path(environ["LOCAL_DIR"], "run").exists():
        _command(environ, "stop")


def _command(environ: Mapping[str, str], *words: str) -> int:
    command = [sys.executable, "-m", "setup.native", *words]
    return subprocess.run(command, env=dict(environ), cwd=ROOT, check=False).returncode
