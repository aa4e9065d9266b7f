"""The containers of an installation: find them, wait until they are healthy, stop, remove."""

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from setup.deployment.installation import Installation
from setup.deployment.release import DeploymentError, Release
from setup.docker import engine

HEALTHY_SECONDS = 300
STOP_SECONDS = "45"  # more than the service takes for its requests: 30 s of Gunicorn
RESTARTS = 3  # so often it may start again before it counts as broken
POLL_SECONDS = 0.5


class Container(NamedTuple):
    """image: its id. environ: as it was created with."""

    id: str
    service: str
    image: str
    state: str
    health: str
    restarts: int
    environ: dict[str, str]

    @property
    def is_up(self) -> bool:
        """Whether it runs, and is healthy if it has a check."""
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def is_broken(self) -> bool:
        """Whether waiting is in vain."""
        ended = self.state in ("exited", "dead") or self.restarts >= RESTARTS
        return ended or self.health == "unhealthy"


class Containers:
    """The containers of one side."""

    def __init__(self, installation: Installation, side: str) -> None:
        self.installation, self.side = installation, side

    def all(self) -> dict[str, Container]:
        """Service of compose → its container, also one that has ended."""
        label = "label=com.docker.compose"
        filters = [
            *("--filter", f"{label}.project={self.installation.project(self.side)}"),
            *("--filter", f"{label}.oneoff=False"),
        ]
        while True:
            ids = engine.run("docker", "ps", "-aq", "--no-trunc", *filters).split()
            try:
                found = [_container(facts) for facts in engine.inspect("container", ids)]
                return {container.service: container for container in found}
            except engine.EngineError:
                time.sleep(POLL_SECONDS)  # one was removed meanwhile; a dead engine fails above

    def find(self, service: str) -> Container | None:
        """The container of a service."""
        return self.all().get(service)

    def need(self, service: str) -> Container:
        """The container of a service. Raises DeploymentError where there is none."""
        if container := self.find(service):
            return container
        raise DeploymentError(f"{service} has no container: make build RUNTIME=docker starts it")

    def runs(self, service: str, reference: str) -> bool:
        """Whether a service runs with this image, whatever name it was started by."""
        container = self.find(service)
        return bool(container and container.is_up and container.image == image_id(reference))

    def up(self, services: Sequence[str], release: Release) -> None:
        """Start services with the images of a release and wait until they are healthy.

        Raises DeploymentError with the end of the log, EngineError.
        """
        options = ("up", "-d", "--no-deps", *services)
        self.installation.compose(self.side, release, *options)
        deadline = time.monotonic() + HEALTHY_SECONDS
        while True:
            containers = [self.need(service) for service in services]
            waiting = [container for container in containers if not container.is_up]
            if not waiting:
                return
            for container in waiting:
                if container.is_broken:
                    raise DeploymentError(_why_not(container))
            if time.monotonic() > deadline:
                raise DeploymentError(f"waited {HEALTHY_SECONDS} s: {_why_not(waiting[0])}")
            time.sleep(POLL_SECONDS)

    def run_once(self, service: str, release: Release, *command: str) -> None:
        """Run a command, by default its own, in a new container of a service; raises EngineError
        where it fails."""
        options = ("run", "--rm", "--no-deps", "-T", service, *command)
        self.installation.compose(self.side, release, *options)


def stop(container: Container) -> None:
    """End a container; it answers what it has begun."""
    engine.run("docker", "stop", "-t", STOP_SECONDS, container.id)


def remove(container: Container) -> None:
    """Remove a container; its volumes stay."""
    engine.run("docker", "rm", "-f", container.id)


def execute(container: Container, *command: str, user: str = "") -> str:
    """The output of a command in a container. Raises EngineError."""
    options = ["-u", user] if user else []
    return engine.run("docker", "exec", *options, container.id, *command, seconds=60)


def image_id(reference: str) -> str:
    """The id of an image that is here. Raises EngineError."""
    return engine.inspect("image", [reference])[0]["Id"]


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _container(facts: dict) -> Container:
    state, config = facts["State"], facts["Config"]
    return Container(
        id=facts["Id"],
        service=config["Labels"]["com.docker.compose.service"],
        image=facts["Image"],
        state=state["Status"],
        health=state.get("Health", {}).get("Status", ""),
        restarts=facts["RestartCount"],
        environ=dict(line.partition("=")[::2] for line in config["Env"]),
    )


def _why_not(container: Container) -> str:
    log = subprocess.run(
        ["docker", "logs", "--tail", "15", container.id],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout
    condition = container.health if container.state == "running" else container.state
    return f"{container.service} is {condition}; its log ends:\n{log.rstrip()}"
