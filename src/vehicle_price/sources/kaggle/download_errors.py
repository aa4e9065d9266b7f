"""Errors of a download, and their messages."""

import re
from pathlib import Path

import requests

from vehicle_price.sources.base import SourceError, SourceUnavailable
from vehicle_price.sources.kaggle.zip_cache import size_of


class TransferError(Exception):
    """A failed transfer; a retry may help. pause: seconds that the server asks to wait, or None."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class Stale(TransferError):
    """The bytes received so far do not belong to the server's current file: start from zero."""


class Damaged(TransferError):
    """All bytes were received, but they are not a valid zip."""


def final_error(error: TransferError, whole: Path, partial: Path) -> SourceError:
    """The error after the last retry, with advice. whole, partial: see zip_cache."""
    copy = "read a copy from the browser with SOURCE=file DATA=path"
    if whole.exists():
        copy += f", or the earlier download with SOURCE=file DATA={whole}"
    if isinstance(error, Damaged):
        return SourceError(f"the download failed twice: {error}. Try later, or {copy}")
    resume = (
        f"{megabytes(size_of(partial))} are kept, the next run goes on there. "
        if size_of(partial)
        else ""
    )
    return SourceUnavailable(
        f"the download failed again and again, last because: {error}. {resume}Check the network "
        f"and the proxy (HTTPS_PROXY) and run it again; or {copy}"
    )


def cause_of(error: requests.RequestException) -> str:
    """The cause of a failed request, without the URL, which may contain a signature."""
    inner = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    return f"{type(error).__name__}: {re.sub(r'https?://[^ ]+', '…', str(inner))[:200]}"


def megabytes(size: int) -> str:
    """Bytes for people.

    >>> megabytes(1_440_000_000)
    '1,440.0 MB'
    """
    return f"{size / 1e6:,.1f} MB"
