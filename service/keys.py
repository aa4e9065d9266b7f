"""The API key: made at the first start, kept in a file that only its owner can read."""

import logging
import os
import secrets
from pathlib import Path

log = logging.getLogger(__name__)


def ensure_api_key(path: str | Path) -> str:
    """The key in the file `path`, which is made with mode 0600 if it is missing.

    Several processes may call this at once: all get the same key. The log says where the key
    is, never what it is. Raises ValueError when the file is empty.
    """
    path = Path(path)
    if not path.exists():
        _create(path)
    key = path.read_text(encoding="ascii").strip()
    if not key:
        raise ValueError(f"{path} is empty: delete it, and the next start makes a new key")
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        os.link(draft, path)  # appears whole or not at all, and never replaces another's key
        log.info("made an API key: %s", path)
    except FileExistsError:
        log.debug("another process made the API key first: %s", path)
    finally:
        draft.unlink()
