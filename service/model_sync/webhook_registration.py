"""Register the service's webhook with MLflow, again each time the registry is reachable again."""

import logging

from service.auth.key_ring import ensure_api_key
from service.model_sync.reconciler import Reconciler
from service.model_sync.status_file import error_text
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)


class WebhookRegistration:
    """registered: whether the registry that answers now has the webhook."""

    def __init__(self, settings: Settings) -> None:
        self.url = f"{settings.service_url}/webhooks/mlflow"
        self._secret_file, self.registered = settings.webhook_secret_file, False

    def ensure(self, reconciler: Reconciler) -> None:
        """Register the webhook unless that was done. If MLflow refuses, polling goes on alone."""
        if self.registered:
            return
        self.registered = True
        try:
            secret = ensure_api_key(self._secret_file)
            reconciler.registry.ensure_webhook(self.url, secret)
        except reconciler.errors.unreachable as error:
            log.warning("no webhook, the registry is only polled: %s", error_text(error))
