"""The API keys: one of each role made at the first start, more with `vehicle-price keys add`."""

import hmac
import logging
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from vehicle_price.api_keys import DEFAULT_NAMES, KeyFileError, Role, digest, read_keys
from vehicle_price.atomic_files import create_file
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)


class Caller(NamedTuple):
    """The owner of a key, and what the key may do."""

    name: str
    role: Role


class OwnKeys(NamedTuple):
    """The keys of this installation, one of each role."""

    key: str
    admin: str
    monitoring: str


class KeyRing:
    """All keys that are valid now.

    own: made at the first start. named_keys_file: read again whenever it changes, so that a removed
    key stops working at once. Raises ValueError for keys that are empty or equal.
    """

    def __init__(self, own: OwnKeys, named_keys_file: str | Path = "") -> None:
        if not all(own) or len(set(own)) < len(own):
            raise ValueError("different keys are needed, or anybody could call every route")
        given = own._asdict()
        self._own = [
            (Caller(name, role), digest(given[role])) for role, name in DEFAULT_NAMES.items()
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


def ensure_keys(settings: Settings) -> KeyRing:
    """The keys in the files that the settings name; those of the first start are made if they are
    missing."""
    files = (settings.api_key_file, settings.admin_key_file, settings.monitoring_key_file)
    return KeyRing(OwnKeys(*map(ensure_api_key, files)), settings.api_keys_file)


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
