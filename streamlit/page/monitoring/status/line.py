"""A line of the status."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Level = Literal["good", "wait", "warn", "bad"]
LEVELS: Sequence[Level] = ("good", "wait", "warn", "bad")  # ascending


class Line(NamedTuple):
    """head: the answer in a few words; sentences: what it rests on."""

    subject: str
    level: Level
    head: str
    sentences: tuple[str, ...]
