"""Small JSON files that one process writes and others read."""

import json
import time
from collections.abc import Mapping
from functools import lru_cache
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


def now(decimals: int = 0) -> str:
    """The present time as `iso_time` writes it."""
    return iso_time(time.time_ns(), decimals)


def iso_time(nanoseconds: int, decimals: int = 0) -> str:
    """A time since 1970 in UTC, ISO 8601, with so many decimals of a second, at most 9.

    >>> iso_time(1_617_525_000_123_456_789, 3)
    '2021-04-04T08:30:00.123+00:00'
    """
    second, nanoseconds = divmod(nanoseconds, 10**9)
    fraction = f".{nanoseconds:09d}"[: decimals + 1] if decimals else ""
    return f"{_second(second)}{fraction}+00:00"


@lru_cache(maxsize=2)  # a busy worker asks thousands of times a second
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
