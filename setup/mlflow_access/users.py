"""Make MLflow's users and the webhook to the service, as its administrator.

`admin` is made by the server itself at its first start. `training` registers versions and moves
aliases; `serving` reads. Everything can be repeated; passwords are set anew.
"""

from collections.abc import Mapping
from typing import Any

import requests

from vehicle_price.registry.names import WEBHOOK_EVENTS, WEBHOOK_NAME

ADMINISTRATOR = "admin"
# user → kind → right, of all things of the kind; everybody reads everything. EDIT does not suffice
# to take an alias away.
USERS: Mapping[str, Mapping[str, str]] = {
    "training": {"experiment": "EDIT", "registered_model": "MANAGE"},
    "serving": {},
}
SECONDS = (5.0, 30.0)  # connect, answer


class AccessError(RuntimeError):
    """MLflow refuses; the message says what, and what to do."""


class Administrator:
    """MLflow's API at `url`. password: of `admin`; "" for a server without users."""

    def __init__(self, url: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # without the proxy and .netrc of the environment
        if password:
            self._session.auth = (ADMINISTRATOR, password)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a body to a path such as `2.0/mlflow/users/create`, or GET with a query.

        Raises AccessError, also for a path that is not there.
        """
        sent = {"params": body} if method == "GET" else {"json": body}
        address = f"{self.url}/api/{path}"
        try:
            answer = self._session.request(method, address, timeout=SECONDS, **sent)
        except requests.RequestException as error:
            raise AccessError(f"MLflow at {self.url} does not answer: {error}") from error
        if answer.status_code == 401:
            raise AccessError(
                f"MLflow at {self.url} does not know this password of {ADMINISTRATOR}: it keeps "
                "the one of its first start (setup/runbook.md says how to change it)"
            )
        if answer.status_code != 200:
            raise AccessError(f"{method} {address}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content.startswith(b"{") else {}

    def __enter__(self) -> "Administrator":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()


def make_users(mlflow: Administrator, passwords: Mapping[str, str]) -> None:
    """Make the users of USERS with their passwords and rights. Raises AccessError."""
    there = {user["username"] for user in mlflow.call("GET", "2.0/mlflow/users/list")["users"]}
    for user, rights in USERS.items():
        sign_in = {"username": user, "password": passwords[user]}
        if user in there:
            mlflow.call("PATCH", "2.0/mlflow/users/update-password", sign_in)
        else:
            mlflow.call("POST", "2.0/mlflow/users/create", sign_in)
        if rights:
            _give_role(mlflow, user, rights)


def register_webhook(mlflow: Administrator, url: str, secret: str) -> None:
    """Make MLflow send its alias events to `url`, signed with `secret`. Raises AccessError.

    There is one registration, under this project's name; it is created or updated.
    """
    hook = {"name": WEBHOOK_NAME, "url": url, "secret": secret, "status": "ACTIVE"}
    events = [name.upper().split(".") for name in WEBHOOK_EVENTS]
    hook["events"] = [{"entity": entity, "action": action} for entity, action in events]
    listed = mlflow.call("GET", "2.0/mlflow/webhooks", {"max_results": 100}).get("webhooks", [])
    ours = next((one["webhook_id"] for one in listed if one["name"] == WEBHOOK_NAME), None)
    if ours:
        mlflow.call("PATCH", f"2.0/mlflow/webhooks/{ours}", hook | {"webhook_id": ours})
    else:
        mlflow.call("POST", "2.0/mlflow/webhooks", hook)


def _give_role(mlflow: Administrator, user: str, rights: Mapping[str, str]) -> None:
    """Give a user the role of its name, with rights on all things of these kinds."""
    workspace = {"workspace": "default"}
    roles = mlflow.call("GET", "3.0/mlflow/roles/list", workspace)["roles"]
    role = next((one["id"] for one in roles if one["name"] == user), None)
    if role is None:
        made = mlflow.call("POST", "3.0/mlflow/roles/create", workspace | {"name": user})
        role = made["role"]["id"]
    listed = mlflow.call("GET", "3.0/mlflow/roles/permissions/list", {"role_id": str(role)})
    has = {one["resource_type"] for one in listed["role_permissions"]}
    for kind, right in rights.items():
        if kind not in has:
            given = {"resource_type": kind, "resource_pattern": "*", "permission": right}
            mlflow.call("POST", "3.0/mlflow/roles/permissions/add", {"role_id": role} | given)
    roles_of_user = mlflow.call("GET", "3.0/mlflow/users/roles/list", {"username": user})["roles"]
    if role not in {one["id"] for one in roles_of_user}:
        mlflow.call("POST", "3.0/mlflow/roles/assign", {"username": user, "role_id": role})
