"""Which release serves on this host, which one did before, and which one is on its way."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from setup.deployment.files import replace_file
from setup.deployment.release import DeploymentError, Release

FILE, LOCK = "deployment.json", "deployment.lock"  # beside .env


class State(NamedTuple):
    """serving: None before the first deployment. before: what `make rollback` returns to.
    under_way: of a deployment that has not ended, or was killed."""

    serving: Release | None = None
    before: Release | None = None
    under_way: Release | None = None


def read(folder: Path) -> State:
    """The state in a folder. Raises DeploymentError."""
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return State(**{name: _release(content[name]) for name in State._fields})
    except FileNotFoundError:
        return State()
    except (ValueError, KeyError, TypeError) as error:
        raise DeploymentError(
            f"{path} is damaged ({error!r}): move it away; the next deployment takes what runs for "
            "the release before"
        ) from error


def write(folder: Path, state: State) -> None:
    """Replace the state."""
    content = {name: release and release._asdict() for name, release in state._asdict().items()}
    replace_file(folder / FILE, json.dumps(content, indent=2) + "\n")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Be the only deployment on this host; a lock that ends with its process. Raises
    DeploymentError."""
    with (folder / LOCK).open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeploymentError("another deployment is at work on this host") from None
        yield


def _release(content: dict | None) -> Release | None:
    return Release(**content) if content else None
