"""The five images of the project, and those of others that the compose files name."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from setup.docker import engine
from setup.native.environment import ROOT

BASE = "python:3.11-slim-bookworm"
LOCAL_TAG = ":local"


class Image(NamedTuple):
    """variable: of compose, with the full reference. dockerfile: from the project's root."""

    variable: str
    dockerfile: str
    default: str


OWN = {
    "airflow": Image("AIRFLOW_IMAGE", "airflow/Dockerfile", "vehicle-price/airflow:local"),
    "mlflow": Image("MLFLOW_IMAGE", "setup/docker/mlflow.Dockerfile", "vehicle-price/mlflow:local"),
    "service": Image("SERVICE_IMAGE", "service/Dockerfile", "vehicle-price/service:local"),
    "streamlit": Image("STREAMLIT_IMAGE", "streamlit/Dockerfile", "vehicle-price/streamlit:local"),
    "evidently_service": Image(
        "EVIDENTLY_IMAGE", "evidently_service/Dockerfile", "vehicle-price/evidently_service:local"
    ),
}
OTHERS = {"POSTGRES_IMAGE": "postgres:17", "NGINX_IMAGE": "nginx:1.27"}


def reference(image: Image, variables: Mapping[str, str]) -> str:
    """The full name of an image: of its variable, else the default."""
    return variables.get(image.variable) or image.default


def is_here(name: str) -> bool:
    """Whether the engine has the image."""
    return engine.succeeds("docker", "image", "inspect", name)


def unavailable(variables: Mapping[str, str]) -> list[str]:
    """Sentences about the images that are not here and can be neither pulled nor built."""
    sentences = []
    own = [reference(image, variables) for image in OWN.values()]
    needed = [name for name in own if not name.endswith(LOCAL_TAG)]
    if len(needed) < len(own):
        needed.append(BASE)
    needed += [variables.get(variable) or name for variable, name in OTHERS.items()]
    for name in needed:
        if not is_here(name) and not engine.succeeds("docker", "pull", "-q", name, seconds=600):
            sentences.append(f"the image {name} is not here and cannot be pulled")
    return sentences


def build(variables: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Build those of our images whose reference is a local one. Raises EngineError."""
    for name, image in OWN.items():
        target = reference(image, variables)
        if not target.endswith(LOCAL_TAG):
            say(f"{name}: {target} comes from its registry")
            continue
        started = time.monotonic()
        _build(name, target)
        seconds = time.monotonic() - started
        say(f"image {name:<18} {megabytes(target):6.0f} MB {seconds:7.1f} s")


def megabytes(name: str) -> float:
    """Size of an image with all its layers, in 10⁶ bytes."""
    return engine.inspect("image", [name])[0]["Size"] / 1e6


def _build(name: str, target: str) -> None:
    command = ["docker", "build", "-q", "-f", OWN[name].dockerfile, "-t", target]
    for key, value in {"COMMIT": commit(), "VERSION": version(), "SOURCE": source()}.items():
        command += ["--build-arg", f"{key}={value}"]
    command.append(".")
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if completed.returncode:
        lines = (completed.stdout + completed.stderr).splitlines()[-30:]
        raise engine.EngineError(f"the image {name} cannot be built:\n" + "\n".join(lines))


def commit() -> str:
    """The commit that is checked out, with `-dirty` for changed files; CODE_COMMIT without git."""
    described = _git("describe", "--always", "--dirty", "--abbrev=40", "--match=")
    return described or os.environ.get("CODE_COMMIT", "unknown")


def version() -> str:
    """The project's version in pyproject.toml."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


def source() -> str:
    """Where the code is from: git's remote, without a name or password in its address."""
    address = _git("remote", "get-url", "origin")
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else address or "unknown"


def _git(*words: str) -> str:
    completed = subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return completed.stdout.strip() if completed.returncode == 0 else ""
