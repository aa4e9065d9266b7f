"""A release: the five images of one commit, each by its digest.

Only the standard library, as in every module of this folder: an AWS host has nothing else.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from setup.deployment.files import read_lines, replace_file

ROOT = Path(__file__).resolve().parents[2]
# Repository in the registry → variable of the compose files.
PARTS = {
    "airflow": "AIRFLOW_IMAGE",
    "mlflow": "MLFLOW_IMAGE",
    "service": "SERVICE_IMAGE",
    "streamlit": "STREAMLIT_IMAGE",
    "evidently_service": "EVIDENTLY_IMAGE",
}
SIDES = {
    "training": ("AIRFLOW_IMAGE", "MLFLOW_IMAGE"),
    "serving": ("SERVICE_IMAGE", "STREAMLIT_IMAGE", "EVIDENTLY_IMAGE"),
}
REVISION_LABEL = "org.opencontainers.image.revision"
BY_DIGEST = re.compile(r"[^@\s'\"]+@sha256:[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")


class DeploymentError(RuntimeError):
    """A step of a deployment cannot be done; the message names it and what to do."""


class Release(NamedTuple):
    """name: the commit. images: variable of the compose files → reference."""

    name: str
    images: Mapping[str, str]

    @property
    def short(self) -> str:
        """The name for people."""
        return self.name[:12]


def default_path(environ: Mapping[str, str]) -> Path:
    """The file of a release: RELEASE_ENV, else release.env in LOCAL_DIR."""
    named = environ.get("RELEASE_ENV")
    return Path(named or ROOT / (environ.get("LOCAL_DIR") or ".local") / "release.env").absolute()


def read(path: Path) -> Release:
    """The release that `make push` has written. Raises DeploymentError."""
    if not path.is_file():
        raise DeploymentError(
            f"{path} is missing: make push writes it; RELEASE_ENV=path names another file"
        )
    values = read_lines(path)
    name = values.get("RELEASE", "")
    if not COMMIT.fullmatch(name):
        raise DeploymentError(f"{path}: RELEASE={name} is no commit of 40 hexadecimal digits")
    for variable in PARTS.values():
        if not BY_DIGEST.fullmatch(values.get(variable, "")):
            raise DeploymentError(
                f"{path}: {variable}={values.get(variable, '')} is not <registry>/<part>@sha256:…; "
                "only a digest names the same image for ever: make push"
            )
    return Release(name, {variable: values[variable] for variable in PARTS.values()})


def write(path: Path, release: Release) -> None:
    """Write what `read` reads."""
    lines = [f"{variable}={reference}" for variable, reference in release.images.items()]
    replace_file(path, "\n".join([f"RELEASE={release.name}", *lines, ""]))
