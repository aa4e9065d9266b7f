"""The API keys: two made at the first start, more with `vehicle-price keys add`."""

import hmac
import logging
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from vehicle_price.api_keys import KeyFileError, Role, digest, read_keys
from vehicle_price.atomic_files import create_file

log = logging.getLogger(__name__)


class Caller(NamedTuple):
    """The owner of a key, and what the key may do."""

    name: str
    role: Role


class KeyRing:
    """All keys that are valid now.

    key, admin_key: the two of this installation. named_keys_file: read again whenever it changes,
    so that a removed key stops working at once.
    """

    def __init__(self, key: str, admin_key: str, named_keys_file: str | Path = "") -> None:
        if not key or not admin_key or key == admin_key:
            raise ValueError("two different keys are needed, or anybody could call every route")
        own: tuple[Role, Role] = ("key", "admin")
        self._own = [
            (Caller("default", own[0]), digest(key)),
            (Caller("default-admin", own[1]), digest(admin_key)),
        ]
        self._valid, self._path = list(self._own), str(named_keys_file)
        self._stamp: tuple[int, int] | None = None

    def caller(self, key: str) -> Caller | None:
        """The owner of `key`, or None. Every wrong key takes the same time."""
        self._refresh()
        hashed, owner = digest(key), None
        for caller, valid_hash in self._valid:
            if hmac.compare_digest(hashed, valid_hash):
                owner = caller
        return owner

    def _refresh(self) -> None:
        """Read the file of named keys if it was replaced."""
        if not self._path:
            return
        try:
            stat = os.stat(self._path)
            stamp = (stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp == self._stamp:
            return
        try:
            named = [(Caller(key.name, key.role), key.sha256) for key in read_keys(self._path)]
        except (KeyFileError, OSError) as error:
            log.error("named API keys not read, the old ones stay valid: %s", error)
            named = self._valid[len(self._own) :]
        self._valid, self._stamp = self._own + named, stamp


def ensure_keys(
    key_file: str | Path, admin_key_file: str | Path, named_keys_file: str | Path
) -> KeyRing:
    """The keys in the files; the first two files are made if they are missing."""
    return KeyRing(ensure_api_key(key_file), ensure_api_key(admin_key_file), named_keys_file)


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
    try:
        create_file(path, f"{secrets.token_urlsafe(32)}\n".encode(), mode=0o600)
        log.info("made an API key: %s", path)
    except FileExistsError:
        log.debug("another process made the API key first: %s", path)
