"""The files of a deployment: `NAME=value` lines, replaced as a whole.

`setup.native.environment` and `vehicle_price.atomic_files` have the like, but an AWS host has
neither.
"""

import os
from collections.abc import Mapping
from pathlib import Path


def read_lines(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file; {} when there is no file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def replace_lines(path: Path, values: Mapping[str, str]) -> None:
    """Set `values` in a file of such lines; all its other lines stay as they are."""
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if line.partition("=")[0].strip() not in values]
    new = [f"{name}={value}" for name, value in values.items()]
    replace_file(path, "\n".join([*kept, *new, ""]))


def replace_file(path: Path, text: str) -> None:
    """Replace a file, mode 0600: a reader sees the old content or the new one, also after a power
    cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
