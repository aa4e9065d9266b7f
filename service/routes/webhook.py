"""POST /webhooks/mlflow: a signed event of the registry. All it says is: look now.

MLflow signs `<delivery id>.<timestamp>.<body>` with HMAC-SHA256 (mlflow/webhooks/delivery.py).
The body is not read further: which version to serve is what the registry answers, not what a
request claims.
"""

import base64
import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Request, Response, request

from service.auth.access_rules import access
from service.http.body import read_bytes
from service.http.problem import Problem
from service.model_dir import poke

log = logging.getLogger(__name__)

FRESH_SECONDS = 300  # MLflow tries again for some seconds, and clocks differ
MOST_HEADER = 200


def blueprint(secret: str, model_dir: Path, clock: Callable[[], float] = time.time) -> Blueprint:
    """The route for the registry. An empty `secret` refuses every event."""
    routes = Blueprint("webhook", __name__)
    seen = SeenDeliveries(model_dir / "deliveries")

    @routes.post("/webhooks/mlflow")
    @access("signed")
    def registry_event() -> Response:
        now = clock()
        delivery = verify(request, secret, now)
        try:
            if not seen.is_new(delivery, now):
                raise Problem(409, "replayed", "this delivery was taken before")
            poke(model_dir)
        except OSError as error:  # a full disk; the registry tries again, and polling goes on
            log.error("the sidecar could not be told: %r", error)
            raise Problem(503, "not-told", "MODEL_DIR cannot be written") from error
        return Response(status=202)

    return routes


def verify(incoming: Request, secret: str, now: float) -> str:
    """The id of the delivery, if it is signed with `secret` and fresh. Raises Problem 401."""
    delivery, stamp, given = (
        incoming.headers.get(f"X-MLflow-{name}", "")[:MOST_HEADER]
        for name in ("Delivery-Id", "Timestamp", "Signature")
    )
    body = read_bytes(incoming)
    if not secret or not delivery or not _is_signed(f"{delivery}.{stamp}.", body, secret, given):
        raise Problem(401, "wrong-signature", "not signed with the secret in WEBHOOK_SECRET_FILE")
    if abs(now - int(stamp)) > FRESH_SECONDS:  # signed, so it is a number that MLflow wrote
        detail = f"signed more than {FRESH_SECONDS} s ago, or in the future: compare the clocks"
        raise Problem(401, "stale", detail)
    return delivery


def _is_signed(head: str, body: bytes, secret: str, given: str) -> bool:
    stamp = head.split(".")[-2]
    signature = hmac.new(secret.encode(), head.encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(signature).decode()
    return stamp.isdecimal() and hmac.compare_digest(expected.encode(), given.encode())


class SeenDeliveries:
    """The deliveries of the last minutes, one empty file each, so that all workers share them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_new(self, delivery: str, now: float) -> bool:
        """Whether this delivery is seen for the first time; from now on it has been."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget(now)
        path = self._folder / hashlib.sha256(delivery.encode()).hexdigest()
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        os.utime(path, (now, now))
        return True

    def _forget(self, now: float) -> None:
        """Delete those too old to be taken as fresh."""
        for path in self._folder.iterdir():
            try:
                if now - path.stat().st_mtime > 3 * FRESH_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue  # another worker was faster
