"""`python -m service.model_sync`: keep MODEL_DIR equal to the registry's aliases.

The service's workers read MODEL_DIR only. This process alone speaks to MLflow (`reconciler.py`).
"""

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from service.auth.key_ring import ensure_api_key
from service.model_dir import Poked
from service.model_sync.canary_feedback import PATIENCE_SECONDS, Away, FeedbackReader, Row
from service.model_sync.challenger import Challenger, Plan
from service.model_sync.fetcher import Errors, Model, Taker
from service.model_sync.reconciler import Sync
from service.model_sync.status_file import Status, words
from service.observability.log_setup import configure
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)


def sync_from(settings: Settings, poked: Callable[[], bool]) -> Sync:
    """The sidecar that `settings` describe."""
    # Only here: MLflow takes seconds and 300 MB to import.
    from vehicle_price.model import artifact, golden_set, trial
    from vehicle_price.registry.client import Registry, RegistryError

    errors = Errors(unreachable=(RegistryError,), not_wanted=(trial.TrialCancelled,))
    model_dir = Path(settings.model_dir)
    registry = Registry(settings.mlflow_tracking_uri)
    model = Model(trial.try_out, golden_set.compare, artifact.is_intact, golden_set.SET)
    taker = Taker(registry, model_dir, model)
    plan = Plan.checked(settings.challenger_mode, settings.canary_percent)
    feedback = FeedbackReader(partial(reported, settings))
    challenger = Challenger(taker, errors, plan, Status(model_dir), feedback)
    return Sync(taker, errors, poked, challenger)


def reported(settings: Settings, since: datetime) -> list[Row]:
    """Each version's errors by clients' feedback since then. Raises Away."""
    from vehicle_price.prediction_log.database import (
        DatabaseAway,
        WrongRow,
        address_of,
        connected,
        translated,
    )
    from vehicle_price.prediction_log.writer import errors_by_version

    address = address_of(settings)
    try:
        with connected(address, PATIENCE_SECONDS) as connection, translated(address):
            found = errors_by_version(connection, since)
    except (DatabaseAway, WrongRow) as error:
        raise Away(str(error)) from error
    return [Row(one.role, one.run_id, one.feedback, one.median_ape) for one in found]


def main() -> None:
    """Look every MODEL_POLL_SECONDS, and when the webhook says so, until stopped."""
    # MLflow's defaults block for four minutes when its server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    settings = Settings.from_environment()
    configure(settings.log_level)
    poked = Poked(Path(settings.model_dir))
    sync = sync_from(settings, poked.came)
    hook = Hook(settings)
    log.info("watching %s", settings.mlflow_tracking_uri)
    while True:
        found = sync.step(time.monotonic())
        if found == "unreachable":
            hook.registered = False  # what comes back may be another registry
        else:
            hook.ensure(sync)
        if found not in ("superseded", "loaded"):  # then there may be more to see at once
            poked.wait(settings.model_poll_seconds)


class Hook:
    """The registration of the webhook: done each time the registry has become reachable."""

    def __init__(self, settings: Settings) -> None:
        self.url = f"{settings.service_url}/webhooks/mlflow"
        self._secret_file, self.registered = settings.webhook_secret_file, False

    def ensure(self, sync: Sync) -> None:
        """Register it, if that has not been done. Where it is refused, polling does alone."""
        if self.registered:
            return
        self.registered = True
        try:
            sync.registry.ensure_webhook(self.url, ensure_api_key(self._secret_file))
        except sync.errors.unreachable as error:
            log.warning("no webhook, the registry is only polled: %s", words(error))


if __name__ == "__main__":
    main()
