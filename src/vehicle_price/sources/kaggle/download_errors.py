"""What goes wrong in a download, and what is said about it."""

import re
from pathlib import Path

import requests

from vehicle_price.sources.base import SourceError
from vehicle_price.sources.kaggle.zip_cache import size_of


class Broken(Exception):
    """A transfer that may be tried again. pause: the seconds the server asks for, if it does."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class Stale(Broken):
    """What has arrived so far does not fit what the server has: begin anew."""


class Damaged(Broken):
    """Everything has arrived, and it is no whole zip."""


def given_up(broken: Broken, whole: Path, part: Path) -> SourceError:
    """What to say after the last try, with what helps."""
    copy = "read a copy from the browser with SOURCE=file DATA=path"
    if whole.exists():
        copy += f", or the earlier download with SOURCE=file DATA={whole}"
    if isinstance(broken, Damaged):
        return SourceError(f"the download failed twice: {broken}. Try later, or {copy}")
    kept = (
        f"{megabytes(size_of(part))} are kept, the next run goes on there. "
        if size_of(part)
        else ""
    )
    return SourceError(
        f"the download failed again and again, last because: {broken}. {kept}Check the network and "
        f"the proxy (HTTPS_PROXY) and run it again; or {copy}"
    )


def cause(error: requests.RequestException) -> str:
    """What went wrong, without the address: it may be a signed one."""
    inner = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    return f"{type(error).__name__}: {re.sub(r'https?://[^ ]+', '…', str(inner))[:200]}"


def megabytes(size: int) -> str:
    """Bytes for people.

    >>> megabytes(1_440_000_000)
    '1,440.0 MB'
    """
    return f"{size / 1e6:,.1f} MB"
