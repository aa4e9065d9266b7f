"""The settings and the secrets of this installation.

Only the standard library: the preflight reads ports from here before anything is installed.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"

if str(ROOT / "src") not in sys.path:  # usable before the package is installed
    sys.path.insert(0, str(ROOT / "src"))

# Below the path that they are found by.
from vehicle_price.atomic_files import replace_file  # pylint: disable=wrong-import-position
from vehicle_price.settings import Settings  # pylint: disable=wrong-import-position

LISTINGS_NAMES = {"SOURCE", "DATA"}  # the variables that choose where listings come from


class EmptySecret(RuntimeError):
    """A file that should hold a secret is empty; the message names it and says what to do."""


def read_dotenv(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a .env file; {} when there is no file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def env_file(environ: Mapping[str, str]) -> Path:
    """The file with this installation's settings: ENV_FILE, else `.env` in the project's folder."""
    return Path(environ.get("ENV_FILE") or ROOT / ".env")


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings: `environ` first, then `.env`, then the defaults; paths made absolute.

    SOURCE and DATA are one choice: where `environ` has either, those of `.env` do not count.
    DATA without SOURCE means the source `file`.
    """
    given = {name: value for name, value in environ.items() if value}
    saved = read_dotenv(env_file(environ))
    if LISTINGS_NAMES & given.keys():
        saved = {name: value for name, value in saved.items() if name not in LISTINGS_NAMES}
    merged = saved | given
    if data := merged.get("DATA"):
        merged.setdefault("SOURCE", "file")
        merged["DATA"] = data if "://" in data else str(Path(data).expanduser().resolve())
    merged["LOCAL_DIR"] = str(ROOT / merged.get("LOCAL_DIR", ".local"))
    return Settings.from_environment(merged)


def keep_source(settings: Settings, environ: Mapping[str, str]) -> None:
    """Write SOURCE and DATA into the file of settings if `environ` chooses them.

    From then on they are the installation's: of the nightly run, of Airflow's forms, of /train.
    """
    if not LISTINGS_NAMES & {name for name, value in environ.items() if value}:
        return
    path = env_file(environ)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in LISTINGS_NAMES]
    kept += [f"SOURCE={settings.source}", f"DATA={settings.data}"]
    replace_file(path, "\n".join([*kept, ""]).encode(), mode=0o600)


def secret(local: Path, name: str) -> str:
    """The secret stored in LOCAL_DIR/secrets/<name>, generated when it is missing.

    Raises EmptySecret.
    """
    path = local / "secrets" / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return read_secret(path)


def read_secret(path: Path) -> str:
    """The secret in a file. Raises EmptySecret."""
    if found := path.read_text(encoding="utf-8").strip():
        return found
    raise EmptySecret(f"{path} is empty: write the secret into it, or delete it for a new one")


def write_private(path: Path, text: str) -> None:
    """Write `text` to a new file of mode 0600; at no time may others read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
