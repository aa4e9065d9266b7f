"""The Docker engine and compose, as commands: v2 (`docker compose`) or else v1 (`docker-compose`).

Only the standard library: whether an engine answers is asked before anything is installed.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache

ANSWER_SECONDS = 20
DEFAULT_PROJECT = "vehicle-price"  # the start of compose's names for what it makes


class EngineError(RuntimeError):
    """Docker or compose refused; the message has the command and its words."""


def problem() -> str:
    """Why no platform can be started with Docker here, "" if one can."""
    if not shutil.which("docker"):
        return "there is no program `docker`"
    try:
        run("docker", "version", "--format", "{{.Server.Version}}", seconds=ANSWER_SECONDS)
    except EngineError as error:
        return f"no Docker engine answers ({last_line(str(error))})"
    return "" if compose_command() else "neither `docker compose` nor `docker-compose` is there"


@cache
def compose_command() -> tuple[str, ...]:
    """The start of every compose command, () where there is none. COMPOSE_COMMAND names another."""
    if named := os.environ.get("COMPOSE_COMMAND"):
        return tuple(named.split())
    if succeeds("docker", "compose", "version"):
        return ("docker", "compose")
    return ("docker-compose",) if shutil.which("docker-compose") else ()


def run(
    *command: str, seconds: float | None = None, environ: Mapping[str, str] | None = None
) -> str:
    """The output of a command. environ: its environment, else this one. Raises EngineError."""
    try:
        completed = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environ, check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise EngineError(f"{' '.join(command)}: {error}") from error
    if completed.returncode:
        words = (completed.stderr or completed.stdout).strip()
        raise EngineError(f"{' '.join(command[:4])}: {words}")
    return completed.stdout


def succeeds(*command: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether a command can be run and ends with 0."""
    try:
        run(*command, seconds=seconds)
    except EngineError:
        return False
    return True


def inspect(kind: str, names: Sequence[str]) -> list[dict]:
    """What the engine knows of images, containers or networks; [] without names."""
    return json.loads(run("docker", kind, "inspect", *names)) if names else []


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return ([line for line in text.splitlines() if line.strip()] or [""])[-1].strip()
