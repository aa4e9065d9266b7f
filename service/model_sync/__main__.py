"""`python -m service.model_sync`: keep MODEL_DIR equal to the registry's aliases.

The service's workers read MODEL_DIR only. This process alone speaks to MLflow (`reconciler.py`).
"""

import logging
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from service.model_dir import SyncRequests
from service.model_sync.canary_feedback import FeedbackReader, read_feedback
from service.model_sync.challenger import Challenger, ChallengerMode
from service.model_sync.fetcher import Errors, ModelChecks, ModelFetcher
from service.model_sync.reconciler import Reconciler
from service.model_sync.status_file import StatusFile
from vehicle_price.log_setup import configure
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)


def reconciler_from(settings: Settings, sync_requested: Callable[[], bool]) -> Reconciler:
    """The reconciler that `settings` describe."""
    # Imported here: MLflow takes seconds and 300 MB.
    from vehicle_price.model import artifact, golden_set, trial
    from vehicle_price.registry.client import Registry, RegistryError

    errors = Errors(unreachable=(RegistryError,), superseded=(trial.TrialCancelled,))
    model_dir = Path(settings.model_dir)
    registry = Registry(settings.mlflow_tracking_uri)
    checks = ModelChecks(
        trial.try_out, golden_set.compare, artifact.is_intact, golden_set.SET_VERSION
    )
    fetcher = ModelFetcher(registry, model_dir, checks)
    mode = ChallengerMode.checked(settings.challenger_mode, settings.canary_percent)
    feedback = FeedbackReader(partial(read_feedback, settings))
    challenger = Challenger(fetcher, errors, mode, StatusFile(model_dir), feedback)
    return Reconciler(fetcher, errors, sync_requested, challenger)


def main() -> None:
    """Reconcile every MODEL_POLL_SECONDS, and at each request to sync, until stopped."""
    # MLflow's defaults block for four minutes when its server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    settings = Settings.from_environment()
    configure(settings.log_level)
    requests = SyncRequests(Path(settings.model_dir))
    reconciler = reconciler_from(settings, requests.pending)
    log.info("watching %s", settings.mlflow_tracking_uri)
    while True:
        outcome = reconciler.step(time.monotonic())
        if outcome not in ("superseded", "loaded"):  # after these, look again at once
            requests.wait(settings.model_poll_seconds)


if __name__ == "__main__":
    main()
