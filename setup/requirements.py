"""Print the locked requirements of some categories, with hashes, for pip or uv.

    python setup/requirements.py packages service > requirements.txt

Only the standard library: it runs before anything is installed.
"""

import json
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "Pipfile.lock"
CATEGORIES = (
    "packages",
    "training",
    "ingest",
    "service",
    "airflow",
    "mlflow",
    "streamlit",
    "evidently_service",
    "runtime",
    "dev-packages",
)
LOCK_NAMES = {"packages": "default", "dev-packages": "develop"}


def requirement(name: str, entry: dict) -> str:
    """The line `name[extras]==version ; markers --hash=… --hash=…`."""
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    markers = f" ; {entry['markers']}" if entry.get("markers") else ""
    hashes = "".join(f" --hash={digest}" for digest in entry["hashes"])
    return f"{name}{extras}{entry['version']}{markers}{hashes}"


def requirements(categories: list[str], lock: Path = LOCK) -> list[str]:
    """The requirements of `categories`, each package once. KeyError: unknown category."""
    locked = json.loads(lock.read_text(encoding="utf-8"))
    packages = {}
    for category in categories:
        packages |= locked[LOCK_NAMES.get(category, category)]
    return [requirement(name, entry) for name, entry in sorted(packages.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1:] or list(CATEGORIES))) + "\n")
