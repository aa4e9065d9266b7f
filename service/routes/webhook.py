"""POST /webhooks/mlflow: a signed event of the registry asks model_sync to look at once.

The body is not read further: the registry's answer decides which version serves, not what a
request claims.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, request

from service.auth.access_rules import access
from service.auth.webhook_signature import SeenDeliveries, verify
from service.http.problem import Problem
from service.model_dir import DELIVERIES_FOLDER, request_sync

log = logging.getLogger(__name__)


def blueprint(secret: str, model_dir: Path, clock: Callable[[], float] = time.time) -> Blueprint:
    """The route for the registry. An empty `secret` refuses every event."""
    routes = Blueprint("webhook", __name__)
    seen = SeenDeliveries(model_dir / DELIVERIES_FOLDER)

    @routes.post("/webhooks/mlflow")
    @access("signed")
    def registry_event() -> Response:
        now = clock()
        delivery = verify(request, secret, now)
        try:
            if not seen.is_new(delivery, now):
                raise Problem(409, "replayed", "this delivery was taken before")
            request_sync(model_dir)
            seen.add(delivery, now)
        except OSError as error:  # a full disk; the registry tries again, and polling goes on
            log.error("model_sync could not be asked to look: %r", error)
            raise Problem(503, "not-told", "MODEL_DIR cannot be written") from error
        return Response(status=202)

    return routes
