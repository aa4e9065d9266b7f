"""The named API keys of other people and programs: made, listed and taken back.

The file holds the SHA-256 of each key, never a key. The keys are 256 random bits, so a plain hash
cannot be reversed and needs no salt.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

Role = Literal["key", "admin"]
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
RESERVED = ("default", "default-admin")  # the two that the service makes at its first start


class KeyFileError(ValueError):
    """A key cannot be added or removed, or the file of keys cannot be read."""


class ApiKey(NamedTuple):
    """One key: who has it, what it may do, its hash and since when."""

    name: str
    role: Role
    sha256: str
    created: str


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: str | Path) -> list[ApiKey]:
    """The keys in the file `path`, none if it is missing. Raises KeyFileError."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return [ApiKey(**entry) for entry in found["keys"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise KeyFileError(f"{path} is not a file of API keys: {error!r}") from error


def add_key(path: str | Path, name: str, role: Role = "key") -> str:
    """Make a key for `name` and return it: it is kept nowhere else. Raises KeyFileError."""
    if not NAME.fullmatch(name) or name in RESERVED:
        detail = "up to 40 of a-z, 0-9, '.', '_' and '-', and not " + " or ".join(RESERVED)
        raise KeyFileError(f"{name!r} cannot be a key's name: {detail}")
    key = secrets.token_urlsafe(32)
    with _changing(Path(path)) as keys:
        if name in keys:
            raise KeyFileError(f"there is a key named {name} already: remove it first")
        created = datetime.now(UTC).isoformat(timespec="seconds")
        keys[name] = ApiKey(name, role, digest(key), created)
    return key


def remove_key(path: str | Path, name: str) -> None:
    """Take the key of `name` back, at once. Raises KeyFileError when there is none."""
    with _changing(Path(path)) as keys:
        if name not in keys:
            raise KeyFileError(f"there is no key named {name}; see `vehicle-price keys list`")
        del keys[name]


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, ApiKey]]:
    """The keys by name, to be changed; one process at a time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keys = {key.name: key for key in read_keys(path)}
        yield keys
        _write(path, keys)


def _write(path: Path, keys: Mapping[str, ApiKey]) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"keys": [key._asdict() for key in keys.values()]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
