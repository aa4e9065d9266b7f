"""The mark of a restore that has begun and not ended: nothing may start on half of the data.

Only the standard library: `make build` asks before anything is installed.
"""

from collections.abc import Mapping
from pathlib import Path

from setup.native.environment import settings_from


def restore_mark(environ: Mapping[str, str]) -> Path:
    """The file that is there while a restore is under way, and after one that was killed."""
    return Path(settings_from(environ).local_dir) / "restore.interrupted"


def problem(environ: Mapping[str, str]) -> str:
    """Why nothing may start, "" if it may."""
    mark = restore_mark(environ)
    if not mark.exists():
        return ""
    return (
        f"{mark}: a restore of {mark.read_text('utf-8')} was interrupted. Repeat it: make restore. "
        "Or give it up: delete that file, then what it has restored (make clean)"
    )
