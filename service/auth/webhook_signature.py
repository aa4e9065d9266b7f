"""The signature of a registry event, and the deliveries that were accepted before.

MLflow signs `<delivery id>.<timestamp>.<body>` with HMAC-SHA256 (mlflow/webhooks/delivery.py).
"""

import base64
import hashlib
import hmac
import os
from pathlib import Path

from flask import Request

from service.http.body import read_bytes
from service.http.problem import Problem

FRESH_SECONDS = 300  # MLflow tries again for some seconds, and clocks differ
MAX_HEADER_LENGTH = 200


def verify(incoming: Request, secret: str, now: float) -> str:
    """The id of the delivery, if it is signed with `secret` and fresh. Raises Problem 401."""
    delivery, stamp, signature = (
        incoming.headers.get(f"X-MLflow-{name}", "")[:MAX_HEADER_LENGTH]
        for name in ("Delivery-Id", "Timestamp", "Signature")
    )
    body = read_bytes(incoming)
    if (
        not secret
        or not delivery
        or not _is_signed(f"{delivery}.{stamp}.", body, secret, signature)
    ):
        raise Problem(401, "wrong-signature", "not signed with the secret in WEBHOOK_SECRET_FILE")
    if abs(now - int(stamp)) > FRESH_SECONDS:  # a signed time stamp is a number
        detail = f"signed more than {FRESH_SECONDS} s ago, or in the future: compare the clocks"
        raise Problem(401, "stale", detail)
    return delivery


def _is_signed(head: str, body: bytes, secret: str, given: str) -> bool:
    stamp = head.split(".")[-2]
    signature = hmac.new(secret.encode(), head.encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(signature).decode()
    return stamp.isdecimal() and hmac.compare_digest(expected.encode(), given.encode())


class SeenDeliveries:
    """The deliveries of the last minutes: one empty file each, shared by all workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_new(self, delivery: str, now: float) -> bool:
        """Whether this delivery was not added yet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._delete_expired(now)
        return not self._path(delivery).exists()

    def add(self, delivery: str, now: float) -> None:
        """Remember a delivery, once it has been acted on: one that failed may come again."""
        path = self._path(delivery)
        path.touch(0o600)
        os.utime(path, (now, now))

    def _path(self, delivery: str) -> Path:
        return self._folder / hashlib.sha256(delivery.encode()).hexdigest()

    def _delete_expired(self, now: float) -> None:
        """Delete deliveries that are too old to pass as fresh."""
        for path in self._folder.iterdir():
            try:
                if now - path.stat().st_mtime > 3 * FRESH_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue  # another worker has deleted it
