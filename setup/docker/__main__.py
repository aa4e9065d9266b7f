"""`python -m setup.docker build|retrain|status|logs|stop|images|clean`: the Makefile's commands."""

import argparse
import json
import logging
import os
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from setup.docker import engine, images, listings
from setup.docker.addresses import summary
from setup.docker.certificate import trust, with_tls_address
from setup.docker.env_file import ensure_secrets
from setup.docker.stack import FILES, Stack, StackError
from setup.native.environment import keep_source, settings_from
from setup.runtime import report, training_run
from setup.runtime.main_job import price_or_retrain, retrain, say, train_if_needed, training_form
from vehicle_price.airflow_client import TrainingUnavailable, UnknownRun
from vehicle_price.atomic_files import replace_file
from vehicle_price.settings import Settings

ERRORS = (engine.EngineError, StackError, training_run.TrainingFailed, report.NoPrice)


PAGES = ("AIRFLOW_PAGE_URL", "MLFLOW_PAGE_URL", "STREAMLIT_URL", "EVIDENTLY_URL")


class Platform(NamedTuple):
    """An installation. variables: of `.env` and the environment."""

    settings: Settings
    variables: Mapping[str, str]
    stack: Stack


def platform(environ: Mapping[str, str]) -> Platform:
    """The installation that `environ` and `.env` describe; makes its secrets."""
    variables = {**ensure_secrets(environ), **environ}
    settings = settings_from(environ)
    variables |= listings.variables(settings)
    for name in PAGES:  # with the ports of this installation; the containers know their own only
        variables.setdefault(name, getattr(settings, name.lower()))
    settings = with_tls_address(with_passwords(settings, variables), variables)
    return Platform(settings, variables, Stack(settings, variables))


def with_passwords(settings: Settings, variables: Mapping[str, str]) -> Settings:
    """The settings for this machine's own requests to Airflow and MLflow: their clients read the
    passwords from files, here in LOCAL_DIR/docker."""
    folder = Path(settings.local_dir) / "docker"
    airflow = json.dumps({settings.airflow_username: variables["AIRFLOW_PASSWORD"]})
    files = {
        "airflow_passwords.json": airflow,
        "mlflow_serving_password": variables["MLFLOW_SERVING_PASSWORD"],
    }
    for name, content in files.items():
        replace_file(folder / "secrets" / name, content.encode(), mode=0o600)
    password_file = str(folder / "secrets" / "airflow_passwords.json")
    return replace(settings, local_dir=str(folder), airflow_password_file=password_file)


def build(environ: Mapping[str, str], train: bool) -> None:
    """Build the images, start the containers, train if asked to or needed, get a price."""
    if train:
        settings = settings_from(environ)
        training_form(settings)  # reports a wrong DATA before anything starts
        keep_source(settings, environ)
        listings.keep_listings_file(settings, environ)
    here = platform(environ)
    images.build(here.variables, say)
    here.stack.up(say)
    form = training_form_in_containers(here)
    if "training" in here.stack.sides:
        train_if_needed(here.settings, form, train)
    if here.stack.sides == tuple(FILES):
        tls = trust(here.variables)
        price_or_retrain(here.settings, form, lambda: status_file(here), tls)
    print(table(here), flush=True)


def training_form_in_containers(here: Platform) -> dict:
    """The DAG's form; DATA is where the containers find the file."""
    form = training_form(here.settings)
    return form | {"data": listings.in_containers(here.settings).data}


def status_file(here: Platform) -> str:
    """What model-sync did last; '' before it did anything."""
    path = "/var/lib/vehicle-price/model/status.json"
    try:
        return here.stack.read("model-sync", path)
    except engine.EngineError:
        return ""


def start_training(environ: Mapping[str, str]) -> None:
    """Train again through Airflow."""
    here = platform(environ)
    retrain(here.settings, training_form_in_containers(here))


def status(environ: Mapping[str, str]) -> None:
    """Print each container with its state, and the addresses."""
    here = platform(environ)
    containers = here.stack.containers()
    if not here.stack.is_running():
        print("Nothing runs. Start it: make build RUNTIME=docker")
        return
    for container in containers:
        print(f"{container.service:<24} {container.condition:<12} {container.id[:12]}")
    if "training" in here.stack.sides:
        print(f"\n{report.models(here.settings)}")
    print(table(here))


def table(here: Platform) -> str:
    """The addresses of what runs."""
    services = {container.service for container in here.stack.containers()}
    return summary(here.settings, here.variables, services)


def logs(environ: Mapping[str, str]) -> None:
    """Follow the logs of all containers until interrupted."""
    stack = platform(environ).stack
    followers = [
        # pylint: disable-next=consider-using-with
        subprocess.Popen(command, env=dict(stack.environ))
        for command in stack.log_commands()
    ]
    try:
        for follower in followers:
            follower.wait()
    finally:
        for follower in followers:
            follower.terminate()


def stop(environ: Mapping[str, str]) -> None:
    """Remove every container and network; volumes with data and models stay."""
    platform(environ).stack.down()
    print("Stopped.")


def clean(environ: Mapping[str, str]) -> None:
    """Remove the volumes, too."""
    platform(environ).stack.down(volumes=True)
    print("Stopped; the volumes are deleted.")


def make_images(environ: Mapping[str, str]) -> None:
    """Build the images and print their sizes."""
    images.build({**ensure_secrets(environ), **environ}, say)


def main() -> int:
    """Run one command; 1 with a message when it fails."""
    commands: dict[str, Callable[..., None]] = {
        "build": build,
        "retrain": start_training,
        "status": status,
        "logs": logs,
        "stop": stop,
        "clean": clean,
        "images": make_images,
    }
    parser = argparse.ArgumentParser(prog="python -m setup.docker", description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("--train", action="store_true", help="even if a model is in production")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    options = {"train": arguments.train} if arguments.command == "build" else {}
    try:
        if reason := engine.problem():
            raise engine.EngineError(f"{reason}. Start Docker, or use RUNTIME=native")
        commands[arguments.command](os.environ, **options)
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
