"""The main job of both runtimes, once everything runs: train through Airflow, get a price."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from setup.runtime import report, training_run
from vehicle_price.settings import Settings
from vehicle_price.storage.filesystem import is_remote

STARTED = time.monotonic()


def say(line: str) -> None:
    """Print a line with the seconds since the command began."""
    print(f"{time.monotonic() - STARTED:6.1f} s  {line}", flush=True)


def training_form(settings: Settings) -> dict:
    """The DAG's form from the settings. Raises TrainingFailed if DATA is not a file."""
    source, data = settings.source, settings.data
    if source == "file" and not is_remote(data) and not Path(data).is_file():
        raise training_run.TrainingFailed(f"DATA={data!r} is not a file")
    return {"source": source, "data": data, "rows": settings.sample_rows, "seed": settings.seed}


def retrain(settings: Settings, form: dict) -> None:
    """Train through Airflow with `form`."""
    read = form["data"] if form["source"] == "file" else form["source"]
    say(f"training on {read} through Airflow")
    training_run.run(settings, form, say)


def train_if_needed(settings: Settings, form: dict, train: bool) -> bool:
    """Train if asked to, or if no model is in production; whether it did."""
    version = report.production_version(settings)
    if train or version is None:
        retrain(settings, form)
        return True
    say(f"version {version} is in production; `make retrain` trains again")
    return False


def price_or_retrain(
    settings: Settings,
    form: dict,
    read_status: Callable[[], str],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Ask for a price; train again when the service refuses the production model.

    It does after an update of the code that changed the format of models. read_status: the content
    of MODEL_DIR/status.json, '' if there is none. tls: what to trust where the service's address
    is of TLS. Raises NoPrice.
    """
    try:
        report.first_price(settings, say, tls=tls)
    except report.NoPrice:
        reason = report.refusal(settings, read_status())
        if not reason:
            raise
        say(f"the service refuses the production model: {reason}")
        retrain(settings, form)
        report.first_price(settings, say, tls=tls)
