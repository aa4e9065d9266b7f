"""The rules of MLflow's server that its permissions do not have; `basic_auth.ini` names them.

MLflow lets every user create experiments and models, and an administrator register a webhook to
any address that the server reaches. Here `serving` only reads, and webhooks go to the service only.
"""

import os
from collections.abc import Mapping

from flask import Response, request
from werkzeug.datastructures import Authorization

READERS = ("serving",)  # users who only read
READING = ("GET", "HEAD", "OPTIONS")
# Searches whose conditions do not fit into an address are sent with POST.
SEARCHES = ("/search", "/batch-get", "/get-history-bulk-interval", "/graphql")
TARGET = "WEBHOOK_URL"  # the variable with the only address for webhooks


def authenticate() -> Authorization | Response:
    """The user of the request, or the answer that refuses it."""
    from mlflow.server.auth import authenticate_request_basic_auth

    user = authenticate_request_basic_auth()
    if isinstance(user, Response):
        return user
    reason = refusal(str(user.username), request.method, request.path)
    if not reason and "/mlflow/webhooks" in request.path and request.method in ("POST", "PATCH"):
        reason = webhook_refusal(request.get_json(silent=True), request.path, os.environ)
    return Response(reason + "\n", 403, mimetype="text/plain") if reason else user


def refusal(user: str, method: str, path: str) -> str:
    """Why a user may not send such a request; "" if the user may, for all these rules know."""
    if user not in READERS or method in READING:
        return ""
    if method == "POST" and path.rstrip("/").endswith(SEARCHES):
        return ""
    return f"the user {user} only reads; sign in as training or admin"


def webhook_refusal(body: object, path: str, environ: Mapping[str, str]) -> str:
    """Why a webhook may not be registered or changed so; "" if it may."""
    target = environ.get(TARGET, "")
    if path.rstrip("/").endswith("/test"):  # sends an example to the registered address
        return ""
    url = body.get("url") if isinstance(body, Mapping) else None
    if target and url == target:
        return ""
    return f"webhooks go to the service only: url must be {target or f'that of {TARGET}'}"
