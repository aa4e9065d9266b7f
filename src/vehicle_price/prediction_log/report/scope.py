"""What a report of monitoring is about. Importing this does not import the database driver."""

from typing import NamedTuple

MIN_WINDOWS, DEFAULT_WINDOWS, MAX_WINDOWS = 1, 14, 90


class Scope(NamedTuple):
    """windows: how many of the last closed ones, from MIN_WINDOWS to MAX_WINDOWS. channel: of the
    columns; version: of the figures; None for all."""

    windows: int = DEFAULT_WINDOWS
    channel: str | None = None
    version: str | None = None
