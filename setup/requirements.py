"""Print the locked requirements of some categories, with hashes, for pip or uv.

    python setup/requirements.py packages service > requirements.txt

Only the standard library: it runs before anything is installed.
"""

import json
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "Pipfile.lock"
PARTS = (
    "packages",
    "ingest",
    "service",
    "airflow",
    "mlflow",
    "streamlit",
    "runtime",
    "dev-packages",
)
LOCK_NAMES = {"packages": "default", "dev-packages": "develop"}


def requirement(name: str, entry: dict) -> str:
    """One line `name[extras]==version ; markers --hash=… --hash=…`."""
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    markers = f" ; {entry['markers']}" if entry.get("markers") else ""
    hashes = "".join(f" --hash={digest}" for digest in entry["hashes"])
    return f"{name}{extras}{entry['version']}{markers}{hashes}"


def requirements(categories: list[str], lock: Path = LOCK) -> list[str]:
    """The lines for `categories`, each package once. Raises KeyError for an unknown category."""
    locked = json.loads(lock.read_text(encoding="utf-8"))
    chosen = {}
    for category in categories:
        chosen |= locked[LOCK_NAMES.get(category, category)]
    return [requirement(name, entry) for name, entry in sorted(chosen.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1:] or list(PARTS))) + "\n")
