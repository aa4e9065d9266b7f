"""`python -m setup.mlflow_access`: make MLflow's users and its webhook, and end.

MLFLOW_TRACKING_URI is the server's address; the passwords are in the variables of PASSWORDS. With
SERVICE_URL and WEBHOOK_SECRET_FILE, MLflow tells the service there when an alias moves.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from setup.mlflow_access.users import (
    ADMINISTRATOR,
    AccessError,
    Administrator,
    make_users,
    register_webhook,
)

PASSWORDS = {
    ADMINISTRATOR: "MLFLOW_ADMIN_PASSWORD",
    "training": "MLFLOW_TRAINING_PASSWORD",
    "serving": "MLFLOW_SERVING_PASSWORD",
}
WAIT_SECONDS = 120  # for the server to start


def main() -> int:
    """Make them; 1 with a message if that fails."""
    try:
        made = _make(os.environ)
    except (AccessError, OSError) as error:
        print(f"MLflow's users: {error}", file=sys.stderr)
        return 1
    print(made)
    return 0


def _make(environ: Mapping[str, str]) -> str:
    for name in ("MLFLOW_TRACKING_URI", *PASSWORDS.values()):
        if not environ.get(name):
            raise AccessError(f"{name} must be set")
    passwords = {user: environ[name] for user, name in PASSWORDS.items()}
    with Administrator(environ["MLFLOW_TRACKING_URI"], passwords[ADMINISTRATOR]) as mlflow:
        _wait(mlflow)
        make_users(mlflow, passwords)
        if not environ.get("SERVICE_URL"):
            return "users: training, serving; no webhook without SERVICE_URL"
        file = Path(environ.get("WEBHOOK_SECRET_FILE") or "WEBHOOK_SECRET_FILE, which is not set")
        secret = file.read_text(encoding="utf-8").strip()
        if not secret:
            raise AccessError(f"{file} is empty")
        url = f"{environ['SERVICE_URL'].rstrip('/')}/webhooks/mlflow"
        register_webhook(mlflow, url, secret)
    return f"users: training, serving; alias events go to {url}"


def _wait(mlflow: Administrator) -> None:
    """Wait until the server answers. Raises AccessError."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            mlflow.call("GET", "2.0/mlflow/users/current")
            return
        except AccessError as error:
            if "does not answer" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
