"""The named API keys of other people and programs: create, list and revoke them.

The file holds the SHA-256 of each key, never a key. A key has 256 random bits, so a plain hash
cannot be reversed and needs no salt.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from vehicle_price.atomic_files import lock, replace_file

Role = Literal["key", "admin", "monitoring"]
SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
# The keys that the service makes at its first start, one for each role.
DEFAULT_NAMES: Mapping[Role, str] = {
    "key": "default",
    "admin": "default-admin",
    "monitoring": "default-monitoring",
}


class KeyFileError(ValueError):
    """A key cannot be added or removed, or the file of keys cannot be read."""


class ApiKey(NamedTuple):
    """One key: the name of its owner, its role, its hash and its date of creation."""

    name: str
    role: Role
    sha256: str
    created: str


def digest(key: str) -> str:
    """The SHA-256 of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: str | Path) -> list[ApiKey]:
    """The keys in the file `path`, none if it is missing. Raises KeyFileError."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return [_checked(ApiKey(**entry)) for entry in content["keys"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise KeyFileError(f"{path} is not a file of API keys: {error!r}") from error


def _checked(key: ApiKey) -> ApiKey:
    if not isinstance(key.sha256, str) or not SHA256.fullmatch(key.sha256):
        raise ValueError(f"the sha256 of {key.name!r} is no SHA-256")
    if not isinstance(key.name, str) or key.role not in get_args(Role):
        raise ValueError(f"a key needs a name and a role, got {key.name!r}, {key.role!r}")
    return key


def add_key(path: str | Path, name: str, role: Role = "key") -> str:
    """Create a key for `name` and return it; only its hash is stored. Raises KeyFileError."""
    reserved = tuple(DEFAULT_NAMES.values())
    if not NAME.fullmatch(name) or name in reserved:
        detail = "up to 40 of a-z, 0-9, '.', '_' and '-', and not " + " or ".join(reserved)
        raise KeyFileError(f"{name!r} cannot be a key's name: {detail}")
    key = secrets.token_urlsafe(32)
    with _changed_keys(Path(path)) as keys:
        if name in keys:
            raise KeyFileError(f"there is a key named {name} already: remove it first")
        created = datetime.now(UTC).isoformat(timespec="seconds")
        keys[name] = ApiKey(name, role, digest(key), created)
    return key


def remove_key(path: str | Path, name: str) -> None:
    """Revoke the key of `name` at once. Raises KeyFileError when there is none."""
    with _changed_keys(Path(path)) as keys:
        if name not in keys:
            raise KeyFileError(f"there is no key named {name}; see `vehicle-price keys list`")
        del keys[name]


@contextmanager
def _changed_keys(path: Path) -> Iterator[dict[str, ApiKey]]:
    """The keys by name; written back at the end of the block. One process at a time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock(path.with_name(f".{path.name}.lock")):
        keys = {key.name: key for key in read_keys(path)}
        yield keys
        content = json.dumps({"keys": [key._asdict() for key in keys.values()]}, indent=1)
        replace_file(path, content.encode(), mode=0o600)
