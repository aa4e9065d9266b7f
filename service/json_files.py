"""Small JSON files that one process writes and others read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vehicle_price.atomic_files import replace_file


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Replace `path` atomically: a reader sees the old content or the new, never a part."""
    replace_file(path, json.dumps(content, indent=1).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`, or {} when there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def now() -> str:
    """The present time in UTC, ISO 8601 to the second, as all these files have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
