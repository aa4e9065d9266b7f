"""Credentials for Kaggle, from the same sources and in the same order as in Kaggle's own client.

1. an access token: KAGGLE_API_TOKEN (the token, or a file that holds it), ~/.kaggle/access_token
2. a user name and a key: kaggle.json, and over it KAGGLE_USERNAME and KAGGLE_KEY
3. what `kaggle auth login` has stored (client.py renews it when it has expired)

An integration test compares this with what Kaggle's client sends. Environment and files are read at
each call and never become settings, so that no log or page shows them.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from kagglesdk import get_access_token_from_env

from vehicle_price.sources.base import SourceError

SETTINGS_PAGE = "https://www.kaggle.com/settings/api"
STORED_LOGIN = "~/.kaggle/credentials.json"


@dataclass(frozen=True)
class Credentials:
    """A token, or a user name and a key, hidden from repr(). location: where they are from."""

    location: str
    token: str = field(default="", repr=False)
    username: str = ""
    key: str = field(default="", repr=False)


def find() -> Credentials | None:
    """The first token or key; None when there is neither (a stored login may exist).

    Raises SourceError for an unreadable token file or a secret with impossible characters.
    """
    credentials = _token() or _key()
    if credentials is None:
        return None
    if not all(map(_is_clean, (credentials.token, credentials.username, credentials.key))):
        raise SourceError(
            f"the credentials from {credentials.location} hold characters that none has, perhaps a "
            "quote or a line end that was copied along; paste them again"
        )
    return credentials


def missing() -> SourceError:
    """The error when there are no credentials; its message names incomplete ones."""
    incomplete = "".join(f" ({note})" for note in _incomplete_credentials())
    return SourceError(
        f"no credentials found{incomplete}. Make a token at {SETTINGS_PAGE} and save it in "
        "~/.kaggle/access_token or set KAGGLE_API_TOKEN; or set KAGGLE_USERNAME and KAGGLE_KEY; or "
        "run `kaggle auth login`"
    )


def _token() -> Credentials | None:
    try:
        token, location = get_access_token_from_env()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"the file with the access token cannot be read: {error}") from error
    if not token:
        return None
    return Credentials(
        "~/.kaggle/access_token" if location == "access_token" else location, token=token
    )


def _key() -> Credentials | None:
    path, variables = _kaggle_json(), _variables()
    values = _read(path) | variables
    if not ("username" in values and "key" in values):
        return None
    locations = [*([str(path)] if len(variables) < 2 else []), *map(_variable, variables)]
    return Credentials(" and ".join(locations), username=values["username"], key=values["key"])


def _kaggle_json() -> Path:
    folder = Path("~/.kaggle").expanduser()
    if given := os.environ.get("KAGGLE_CONFIG_DIR"):
        folder = Path(given)
    elif not folder.exists():
        base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
        folder = Path(base) / "kaggle"
    return folder / "kaggle.json"


def _read(path: Path) -> dict[str, str]:
    # A damaged file is no error while there are other credentials; `missing` reports it otherwise.
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: str(content[name]) for name in ("username", "key") if content.get(name)}


def _variables() -> dict[str, str]:
    named = {name: os.environ.get(_variable(name)) for name in ("username", "key")}
    return {name: value for name, value in named.items() if value}


def _variable(name: str) -> str:
    return f"KAGGLE_{name.upper()}"


def _incomplete_credentials() -> list[str]:
    path, variables = _kaggle_json(), _variables()
    notes = [f"only {_variable(name)} is set" for name in variables]
    if path.exists() and len(_read(path)) < 2:
        notes.append(f"{path} is not readable JSON with username and key")
    if os.environ.get("KAGGLE_API_TOKEN"):
        notes.append("KAGGLE_API_TOKEN names an empty file")
    return notes


def _is_clean(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and secret == secret.strip()
