"""DATA as the containers see it: the file's folder is mounted at /listings, for reading only."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from setup.native.environment import env_file
from vehicle_price.atomic_files import replace_file
from vehicle_price.settings import Settings
from vehicle_price.storage.filesystem import is_remote

MOUNT = "/listings"
NAMES = {"LISTINGS_DIR", "LISTINGS_FILE"}  # for compose: the folder here, the file in containers


def variables(settings: Settings) -> dict[str, str]:
    """LISTINGS_DIR and LISTINGS_FILE of the file that DATA names; {} without one."""
    if not settings.data:
        return {}
    if is_remote(settings.data):
        return {"LISTINGS_FILE": settings.data}
    path = Path(settings.data)
    return {"LISTINGS_DIR": str(path.parent), "LISTINGS_FILE": f"{MOUNT}/{path.name}"}


def in_containers(settings: Settings) -> Settings:
    """The settings with DATA as the steps of a training read it."""
    return replace(settings, data=variables(settings).get("LISTINGS_FILE", ""))


def keep_listings_file(settings: Settings, environ: Mapping[str, str]) -> None:
    """Write both variables into `.env`, so that compose mounts the folder whoever calls it."""
    path = env_file(environ)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in NAMES]
    new = [f"{name}={value}" for name, value in variables(settings).items()]
    if new or kept != lines:
        replace_file(path, "\n".join([*kept, *new, ""]).encode(), mode=0o600)
