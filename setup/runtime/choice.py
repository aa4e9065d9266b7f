"""Which runtime a command is for: the one that RUNTIME names, else the one that suits.

Only the standard library: it is asked before anything is installed.
"""

from collections.abc import Mapping

from setup.docker import engine, images
from setup.native import preflight
from setup.native.environment import ROOT, env_file, read_dotenv

NATIVE, DOCKER = "native", "docker"
RUNTIMES = (NATIVE, DOCKER)


class WrongRuntime(ValueError):
    """RUNTIME names none; the message names those that there are."""


def to_build(environ: Mapping[str, str]) -> tuple[str, str]:
    """(runtime, why): Docker if an engine answers and every image is here or can be had.

    What runs already stays as it is. Raises WrongRuntime.
    """
    if named := _named(environ):
        return named, "RUNTIME names it"
    if running := running_runtimes(environ):
        return running[0], "it runs already"
    if reason := engine.problem():
        return NATIVE, reason
    if missing := images.unavailable({**read_dotenv(env_file(environ)), **environ}):
        return NATIVE, "; ".join(missing)
    return DOCKER, "a Docker engine answers, and every image is here or can be had"


def of_running(environ: Mapping[str, str]) -> list[str]:
    """The runtimes that status, logs, retrain and stop are for. Raises WrongRuntime."""
    if named := _named(environ):
        return [named]
    return running_runtimes(environ) or [NATIVE]


def running_runtimes(environ: Mapping[str, str]) -> list[str]:
    """Those in which this installation runs now."""
    found = []
    local = ROOT / (
        environ.get("LOCAL_DIR") or read_dotenv(env_file(environ)).get("LOCAL_DIR", ".local")
    )
    if preflight.is_running(local):
        found.append(NATIVE)
    if not engine.problem():
        name = environ.get("COMPOSE_PROJECT_NAME") or read_dotenv(env_file(environ)).get(
            "COMPOSE_PROJECT_NAME", engine.DEFAULT_PROJECT
        )
        label = "label=com.docker.compose.project="
        sides = (f"{name}-training", f"{name}-serving")
        if any(engine.run("docker", "ps", "-q", "--filter", f"{label}{side}") for side in sides):
            found.append(DOCKER)
    return found


def _named(environ: Mapping[str, str]) -> str:
    runtime = environ.get("RUNTIME", "")
    if runtime not in ("", "auto", *RUNTIMES):
        raise WrongRuntime(f"RUNTIME={runtime}: expected {' or '.join(RUNTIMES)}, or nothing")
    return "" if runtime == "auto" else runtime
