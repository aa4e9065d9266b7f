"""The secrets of the two compose files: made at the first start, kept in `.env` (mode 0600).

    python3 -m setup.docker.env_file

writes those that are missing, for who calls compose by hand. Only the standard library.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from setup.native.environment import env_file, read_dotenv
from vehicle_price.atomic_files import replace_file

PLAIN = (
    "POSTGRES_PASSWORD",
    "AIRFLOW_DATABASE_PASSWORD",
    "MLFLOW_DATABASE_PASSWORD",
    "VEHICLE_PRICE_OWNER_PASSWORD",
    "VEHICLE_PRICE_SERVICE_PASSWORD",
    "VEHICLE_PRICE_MONITORING_PASSWORD",
    "GRAFANA_DATABASE_PASSWORD",
    "GRAFANA_ADMIN_PASSWORD",
    "REDIS_PASSWORD",
    "MONGODB_ROOT_PASSWORD",
    "MLFLOW_ADMIN_PASSWORD",
    "MLFLOW_TRAINING_PASSWORD",
    "MLFLOW_SERVING_PASSWORD",
    "MLFLOW_FLASK_KEY",
    "AIRFLOW_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
    "API_KEY",
    "ADMIN_KEY",
    "MONITORING_KEY",
    "WEBHOOK_SECRET",
    "EVIDENTLY_SECRET",
)
FERNET_KEYS = ("AIRFLOW_FERNET_KEY", "MLFLOW_WEBHOOK_KEY")  # base64 of 32 bytes, padded
HEADING = "# Secrets of this installation, made by `make build RUNTIME=docker`. Keep them."


def ensure_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """All values of `.env`, with those secrets made that neither it nor `environ` has."""
    path = env_file(environ)
    saved = read_dotenv(path)
    made = {
        name: value
        for name, value in _new_secrets().items()
        if not saved.get(name) and not environ.get(name)
    }
    if made:
        _append(path, [HEADING, *(f"{name}={value}" for name, value in made.items())])
    elif path.exists():
        path.chmod(0o600)
    return saved | made


def _new_secrets() -> dict[str, str]:
    plain = {name: secrets.token_urlsafe(32) for name in PLAIN}
    return plain | {name: f"{secrets.token_urlsafe(32)}=" for name in FERNET_KEYS}


def _append(path: Path, lines: list[str]) -> None:
    """Add lines to the file; an empty `NAME=` of the same name does not count any more."""
    names = {line.partition("=")[0] for line in lines}
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if line.partition("=")[0].strip() not in names]
    replace_file(path, "\n".join([*kept, "", *lines, ""]).lstrip("\n").encode(), mode=0o600)
    os.chmod(path, 0o600)


if __name__ == "__main__":
    ensure_secrets(os.environ)
    sys.stdout.write(f"{env_file(os.environ)} has every secret of the compose files\n")
