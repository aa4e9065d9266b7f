"""Start, watch and end the containers of the two compose files.

One project of compose for each file: `<COMPOSE_PROJECT_NAME>-training` and `…-serving`. On a host
that has only one of them, SIDE names it.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from setup.docker import engine
from setup.native.environment import ROOT, env_file
from vehicle_price.settings import Settings

FILES = {"training": "docker-compose-airflow.yml", "serving": "docker-compose-service.yml"}
PROFILES = "celery,mongodb,s3,prometheus,grafana,deployment"  # of both files
STANDBY = "service-standby"  # of a deployment, which waits for it by itself
NETWORK_LABEL = "vehicle-price.network=platform"
UP_SECONDS = 900
POLL_SECONDS = 1.0
STOP_SECONDS = 60


class StackError(RuntimeError):
    """A container did not start; the message names it and has the end of its log."""


class Container(NamedTuple):
    """state: created, running, restarting, exited … health: "" where there is no check."""

    id: str
    side: str
    service: str
    state: str
    health: str
    exit_code: int
    ends: bool  # it does one thing and ends

    @property
    def is_up(self) -> bool:
        """Whether it runs and is healthy, or was to end and has done so."""
        if self.ends:
            return self.state == "exited" and self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def condition(self) -> str:
        """One word for people."""
        if self.state == "running":
            return self.health or "running"
        return "done" if self.is_up else f"{self.state} ({self.exit_code})"


class Stack:
    """The containers of one installation. variables: those of `.env` and of the environment."""

    def __init__(self, settings: Settings, variables: Mapping[str, str]) -> None:
        self.name = variables.get("COMPOSE_PROJECT_NAME") or engine.DEFAULT_PROJECT
        self.network = variables.get("PLATFORM_NETWORK") or self.name
        self.environ = {**variables, "PLATFORM_NETWORK": self.network}
        self.sides = sides(variables)
        self._env_file = env_file(variables)
        self._log_dir = Path(settings.log_dir)

    def project(self, side: str) -> str:
        """Compose's name for the containers of one file."""
        return f"{self.name}-{side}"

    def command(self, side: str, *words: str) -> list[str]:
        """A compose command for one of FILES."""
        options = ["-p", self.project(side), "-f", str(ROOT / FILES[side])]
        options += ["--project-directory", str(ROOT)]
        if self._env_file.exists():
            options += ["--env-file", str(self._env_file)]
        return [*engine.compose_command(), *options, *words]

    def up(self, say: Callable[[str], None]) -> None:
        """Start what does not run, in the order of the health checks. Raises StackError."""
        self.make_network()
        self._log_dir.mkdir(parents=True, exist_ok=True)
        old = {container.id for container in self.containers()}  # may still be replaced
        started = {side: self._launch(side) for side in self.sides}
        told: set[str] = set()
        deadline = time.monotonic() + UP_SECONDS
        while True:
            ended = {side: process.poll() for side, process in started.items()}
            containers = [c for c in self.containers() if c.service != STANDBY]
            for container in containers:
                is_final = container.id not in old or ended[container.side] is not None
                if container.is_up and is_final and container.id not in told:
                    told.add(container.id)
                    say(f"{container.service:<22} {container.condition}")
            if any(ended.values()):
                raise self._failure(next(side for side, code in ended.items() if code))
            if not any(code is None for code in ended.values()) and all(
                container.is_up for container in containers
            ):
                return
            if time.monotonic() > deadline:
                waiting = ", ".join(c.service for c in containers if not c.is_up)
                raise StackError(f"waited {UP_SECONDS} s in vain for {waiting}; see make logs")
            time.sleep(POLL_SECONDS)

    def make_network(self) -> None:
        """Make the network of both files, if it is not there. Raises EngineError."""
        if not engine.succeeds("docker", "network", "inspect", self.network):
            engine.run("docker", "network", "create", "--label", NETWORK_LABEL, self.network)

    def down(self, volumes: bool = False) -> None:
        """End and remove the containers and networks; with `volumes`, the data too.

        Raises EngineError.
        """
        options = ["--remove-orphans", "--timeout", str(STOP_SECONDS), *(["--volumes"] * volumes)]
        # The serving side first: what it keeps reaches PostgreSQL, which is on the other side.
        for side in reversed(self.sides):
            self._run(side, "down", *options)
        own = engine.run("docker", "network", "ls", "-q", "--filter", f"label={NETWORK_LABEL}")
        named = engine.run("docker", "network", "ls", "-q", "--filter", f"name=^{self.network}$")
        for network in set(own.split()) & set(named.split()):
            engine.run("docker", "network", "rm", network)

    def containers(self) -> list[Container]:
        """The containers of both sides, also those that have ended."""
        found = []
        for side in self.sides:
            label = f"label=com.docker.compose.project={self.project(side)}"
            ids = engine.run("docker", "ps", "-aq", "--no-trunc", "--filter", label).split()
            try:
                found += [_container(side, facts) for facts in engine.inspect("container", ids)]
            except engine.EngineError:
                continue  # one was removed meanwhile; the next look finds the others
        return sorted(found, key=lambda c: (c.side != "training", c.service))

    def is_running(self) -> bool:
        """Whether any container of the platform runs."""
        return any(container.state == "running" for container in self.containers())

    def log_commands(self) -> list[list[str]]:
        """The commands that follow the logs of both sides."""
        return [self.command(side, "logs", "--follow", "--tail", "20") for side in self.sides]

    def read(self, service: str, path: str) -> str:
        """A file in a container. Raises EngineError."""
        container = next(c for c in self.containers() if c.service == service)
        return engine.run("docker", "exec", container.id, "cat", path)

    def _launch(self, side: str) -> subprocess.Popen[bytes]:
        with (self._log_dir / f"compose-{side}.log").open("wb") as log:
            # pylint: disable-next=consider-using-with
            return subprocess.Popen(
                self.command(side, "up", "-d", "--remove-orphans"),
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _run(self, side: str, *words: str) -> None:
        environ = self.environ | {"COMPOSE_PROFILES": PROFILES}  # or their containers would stay
        completed = subprocess.run(
            self.command(side, *words), cwd=ROOT, env=environ, capture_output=True, check=False
        )
        if completed.returncode:
            reason = completed.stderr.decode("utf-8", "replace").strip()
            raise engine.EngineError(f"compose {words[0]} ({FILES[side]}): {reason}")

    def _failure(self, side: str) -> StackError:
        broken = [c for c in self.containers() if c.side == side and not c.is_up]
        words = (self._log_dir / f"compose-{side}.log").read_text("utf-8", errors="replace")
        parts = [f"{FILES[side]} did not start:", "\n".join(words.splitlines()[-8:])]
        for container in [c for c in broken if c.exit_code or c.health == "unhealthy"][:2]:
            logs = subprocess.run(
                ["docker", "logs", "--tail", "20", container.id],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            ).stdout
            parts += [f"\n{container.service} is {container.condition}; its log ends:", logs]
        return StackError("\n".join(parts))


def sides(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Those of FILES that this host has. Raises StackError for another SIDE."""
    side = variables.get("SIDE", "")
    if side not in ("", *FILES):
        raise StackError(f"SIDE={side}: expected {' or '.join(FILES)}, or nothing for both")
    return (side,) if side else tuple(FILES)


def _container(side: str, facts: dict) -> Container:
    state = facts["State"]
    service = facts["Config"]["Labels"]["com.docker.compose.service"]
    health = state.get("Health", {}).get("Status", "")
    ends = facts["HostConfig"]["RestartPolicy"]["Name"] == "on-failure"
    code = int(state.get("ExitCode", 0))
    return Container(facts["Id"], side, service, state["Status"], health, code, ends)
