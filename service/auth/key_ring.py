"""The API keys: two made at the first start, more with `vehicle-price keys add`."""

import hmac
import logging
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from vehicle_price.api_keys import KeyFileError, Role, digest, read_keys

log = logging.getLogger(__name__)


class Caller(NamedTuple):
    """Whose key came with a request, and what it may do."""

    name: str
    role: Role


class Keys:
    """All keys that are valid now.

    key, admin_key: the two of this installation. more: the file of named keys, read again
    whenever it changes, so a key that is taken back stops working at once.
    """

    def __init__(self, key: str, admin_key: str, more: str | Path = "") -> None:
        if not key or not admin_key or key == admin_key:
            raise ValueError("two different keys are needed, or anybody could call every route")
        own: tuple[Role, Role] = ("key", "admin")
        self._own = [
            (Caller("default", own[0]), digest(key)),
            (Caller("default-admin", own[1]), digest(admin_key)),
        ]
        self._more, self._path = list(self._own), str(more)
        self._seen: tuple[int, int] | None = None

    def caller(self, given: str) -> Caller | None:
        """Whose key `given` is, or None. Takes equally long for every wrong key."""
        self._look()
        hashed, found = digest(given), None
        for caller, known in self._more:
            if hmac.compare_digest(hashed, known):
                found = caller
        return found

    def _look(self) -> None:
        """Read the file of named keys if it is another one than before."""
        if not self._path:
            return
        try:
            stat = os.stat(self._path)
            stamp = (stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp == self._seen:
            return
        try:
            named = [(Caller(key.name, key.role), key.sha256) for key in read_keys(self._path)]
        except (KeyFileError, OSError) as error:
            log.error("named API keys not read, the old ones stay valid: %s", error)
            named = self._more[len(self._own) :]
        self._more, self._seen = self._own + named, stamp


def ensure_keys(key_file: str | Path, admin_key_file: str | Path, more: str | Path) -> Keys:
    """The keys in the files; the first two are made if they are missing."""
    return Keys(ensure_api_key(key_file), ensure_api_key(admin_key_file), more)


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
