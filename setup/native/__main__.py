"""`python -m setup.native build|retrain|status|logs|stop`: the commands behind the Makefile."""

import argparse
import logging
import os
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

from setup.native import observability, report, stack, training_run
from setup.native.environment import EmptySecret, keep_source, settings_from
from vehicle_price.airflow_client import TrainingUnavailable, UnknownRun
from vehicle_price.settings import Settings
from vehicle_price.storage.filesystem import is_remote

STARTED = time.monotonic()
ERRORS = (stack.StackError, training_run.TrainingFailed, report.NoPrice, EmptySecret)


def say(line: str) -> None:
    """Print a line with the seconds since the command began."""
    print(f"{time.monotonic() - STARTED:6.1f} s  {line}", flush=True)


def build(settings: Settings, train: bool) -> None:
    """Start the processes that do not run, train if asked to or needed, get a price."""
    form = training_form(settings) if train else {}  # reports a wrong DATA before anything starts
    if train:
        keep_source(settings, os.environ)
    if stack.is_running(settings) and not stack.same_settings(settings):
        say("the settings changed: starting anew")
        stack.stop(settings)
    if not stack.is_running(settings):
        stack.stop(settings)
        stack.start(settings, os.environ, say)
    else:
        stack.launch(settings, *stack.EVERYTHING)
        stack.wait_healthy(settings, say)
    version = report.production_version(settings)
    if train or version is None:
        retrain(settings, form)
        report.first_price(settings, say)
    else:
        say(f"version {version} is in production; `make retrain` trains again")
        price_or_retrain(settings)
    stack.launch_last(settings, say)
    print(report.summary(settings, hide_passwords=os.environ.get("CI") == "true"), flush=True)


def price_or_retrain(settings: Settings) -> None:
    """Ask for a price; train again when the service refuses the production model.

    It does after an update of the code that changed the format of models.
    """
    try:
        report.first_price(settings, say)
    except report.NoPrice:
        reason = report.refusal(settings)
        if not reason:
            raise
        say(f"the service refuses the production model: {reason}")
        retrain(settings)
        report.first_price(settings, say)


def retrain(settings: Settings, form: dict | None = None) -> None:
    """Train through Airflow, with `form` or else the form that the settings give."""
    form = form or training_form(settings)
    read = form["data"] if form["source"] == "file" else form["source"]
    say(f"training on {read} through Airflow")
    training_run.run(settings, form, say)


def training_form(settings: Settings) -> dict:
    """The DAG's form from the settings. Raises TrainingFailed if DATA is not a file."""
    source, data = settings.source, settings.data
    if source == "file" and not is_remote(data) and not Path(data).is_file():
        raise training_run.TrainingFailed(f"DATA={data!r} is not a file")
    return {"source": source, "data": data, "rows": settings.sample_rows, "seed": settings.seed}


def status(settings: Settings) -> None:
    """Print each process with its state, and the addresses."""
    if not stack.is_running(settings):
        print("Nothing runs. Start it: make build")
        return
    installed = [r for r in stack.processes(settings) if observability.can_run(r["name"])]
    for row in installed:
        print(f"{row['name']:<24} {row['statename']:<10} {row['description']}")
    for sentence in observability.missing():
        print(sentence)
    print(f"\n{report.models(settings)}")
    print(report.summary(settings, hide_passwords=os.environ.get("CI") == "true"))


def logs(settings: Settings) -> None:
    """Follow all log files until interrupted."""
    files = sorted(str(path) for path in Path(settings.log_dir).glob("*.log"))
    if not files:
        print(f"No log file in {settings.log_dir} yet.")
        return
    subprocess.run(["tail", "-n", "20", "-F", *files], check=False)


def stop(settings: Settings) -> None:
    """End every process."""
    left_over = stack.stop(settings)
    note = f" {left_over} left-over processes were ended one by one." if left_over else ""
    print(f"Stopped.{note}")


def main() -> int:
    """Run one command; 1 with a message when it fails."""
    parser = argparse.ArgumentParser(prog="python -m setup.native", description=__doc__)
    commands = {"build": build, "retrain": retrain, "status": status, "logs": logs, "stop": stop}
    parser.add_argument("command", choices=commands)
    parser.add_argument(
        "--train", action="store_true", help="train even if a model is in production"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    os.umask(0o077)
    options = {"train": arguments.train} if arguments.command == "build" else {}
    try:
        commands[arguments.command](settings_from(os.environ), **options)
    except KeyboardInterrupt:
        return 130
    except (*ERRORS, TrainingUnavailable, UnknownRun) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except urllib.error.URLError as error:
        print(f"\nAirflow or the service refused: {error}. See make status.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
