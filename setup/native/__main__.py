"""`python -m setup.native build|retrain|status|logs|stop`: the commands behind the Makefile."""

import argparse
import logging
import os
import subprocess
import sys
import urllib.error
from pathlib import Path

from service.model_dir import STATUS_FILE
from setup.native import observability, stack
from setup.native.addresses import summary
from setup.native.environment import EmptySecret, keep_source, settings_from
from setup.runtime import report, training_run
from setup.runtime.main_job import price_or_retrain
from setup.runtime.main_job import retrain as train_again
from setup.runtime.main_job import say, train_if_needed, training_form
from vehicle_price.airflow_client import TrainingUnavailable, UnknownRun
from vehicle_price.settings import Settings

ERRORS = (stack.StackError, training_run.TrainingFailed, report.NoPrice, EmptySecret)


def build(settings: Settings, train: bool) -> None:
    """Start the processes that do not run, train if asked to or needed, get a price."""
    if train:
        training_form(settings)  # reports a wrong DATA before anything starts
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
    if train_if_needed(settings, training_form(settings), train):
        report.first_price(settings, say)
    else:
        price_or_retrain(settings, training_form(settings), lambda: status_file(settings))
    stack.launch_last(settings, say)
    print(summary(settings, hide_passwords=os.environ.get("CI") == "true"), flush=True)


def status_file(settings: Settings) -> str:
    """What model-sync did last; '' before it did anything."""
    path = Path(settings.model_dir) / STATUS_FILE
    return path.read_text(encoding="utf-8") if path.exists() else ""


def retrain(settings: Settings) -> None:
    """Train again through Airflow."""
    train_again(settings, training_form(settings))


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
    print(summary(settings, hide_passwords=os.environ.get("CI") == "true"))


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
