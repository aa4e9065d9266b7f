"""Who signs in to Kaggle: the ways of Kaggle's own client, in its order.

1. an access token: KAGGLE_API_TOKEN (the token, or a file that holds it), ~/.kaggle/access_token
2. a user name and a key: kaggle.json, and over it KAGGLE_USERNAME and KAGGLE_KEY
3. what `kaggle auth login` has stored (`kaggle_download` has it renewed when it is too old)

An integration test compares with what the client itself sends. Environment and files are read when
asked for and never become settings, so that no log or page shows them.
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
    """A token, or a user name and a key, and where they are from. The secrets are not printed."""

    place: str
    token: str = field(default="", repr=False)
    username: str = ""
    key: str = field(default="", repr=False)


def find() -> Credentials | None:
    """The first token or key there is; None when only a stored login can be left.

    Raises SourceError for a token file that cannot be read, or for a secret that is none.
    """
    found = _token() or _key()
    if found and not all(map(_clean, (found.token, found.username, found.key))):
        raise SourceError(
            f"the credentials from {found.place} hold characters that none has, perhaps a quote or "
            "a line end that was copied along; paste them again"
        )
    return found


def missing() -> SourceError:
    """What to say when there is no way to sign in. Names what is there by halves."""
    halves = "".join(f" ({note})" for note in _halves())
    return SourceError(
        f"no credentials found{halves}. Make a token at {SETTINGS_PAGE} and save it in "
        "~/.kaggle/access_token or set KAGGLE_API_TOKEN; or set KAGGLE_USERNAME and KAGGLE_KEY; or "
        "run `kaggle auth login`"
    )


def _token() -> Credentials | None:
    try:
        token, place = get_access_token_from_env()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"the file with the access token cannot be read: {error}") from error
    if not token:
        return None
    return Credentials("~/.kaggle/access_token" if place == "access_token" else place, token=token)


def _key() -> Credentials | None:
    path, variables = _kaggle_json(), _variables()
    values = _read(path) | variables
    if not ("username" in values and "key" in values):
        return None
    places = [*([str(path)] if len(variables) < 2 else []), *map(_variable, variables)]
    return Credentials(" and ".join(places), username=values["username"], key=values["key"])


def _kaggle_json() -> Path:
    folder = Path("~/.kaggle").expanduser()
    if given := os.environ.get("KAGGLE_CONFIG_DIR"):
        folder = Path(given)
    elif not folder.exists():
        base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
        folder = Path(base) / "kaggle"
    return folder / "kaggle.json"


def _read(path: Path) -> dict[str, str]:
    # A damaged file is no fault while a better way is there; `missing` speaks of it otherwise.
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


def _halves() -> list[str]:
    path, variables = _kaggle_json(), _variables()
    notes = [f"only {_variable(name)} is set" for name in variables]
    if path.exists() and len(_read(path)) < 2:
        notes.append(f"{path} is not readable JSON with username and key")
    if os.environ.get("KAGGLE_API_TOKEN"):
        notes.append("KAGGLE_API_TOKEN names an empty file")
    return notes


def _clean(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and secret == secret.strip()
