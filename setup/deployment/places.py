"""The two places of the service behind nginx, and how a version moves into the usual one.

`service` serves all the time; `service-standby` has the new version while `service` is replaced.
nginx passes requests to the standby as long as the file STANDBY_FILE is there.
"""

import time
from collections.abc import Callable

from setup.deployment import probes
from setup.deployment.containers import (
    Container,
    Containers,
    execute,
    image_id,
    remove,
    stop,
    wait_for,
)
from setup.deployment.release import DeploymentError, Release
from setup.docker import engine

SERVICE, STANDBY = "service", "service-standby"
ADDRESS = {SERVICE: "SERVICE_ADDRESS", STANDBY: "STANDBY_ADDRESS"}  # in nginx's environment
STANDBY_FILE = "/var/lib/vehicle-price/place/standby"
IDLE_SECONDS = 310  # nginx gives a file of listings 300 s
DRAINED_SECONDS = 120


class Places:
    """Both places. check: looks at a version in a place before it gets requests."""

    def __init__(self, containers: Containers, say: Callable[[str], None]) -> None:
        """Raises DeploymentError where nginx cannot switch."""
        self.containers, self.say = containers, say
        self.nginx = containers.need("nginx")
        self._addresses = {p: self.nginx.environ.get(name, "") for p, name in ADDRESS.items()}
        if self.nginx.state != "running" or not all(self._addresses.values()):
            raise DeploymentError(
                "nginx does not run, or is of a version that has one place for the service only: "
                "make build RUNTIME=docker replaces it, with a second without answers"
            )

    def serving(self) -> str:
        """The place that gets the requests."""
        standby = self.containers.find(STANDBY)
        probe = f"if [ -e {STANDBY_FILE} ]; then echo {STANDBY}; else echo {SERVICE}; fi"
        place = execute(self.nginx, "sh", "-c", probe).strip()
        # Where the standby is gone, nginx passes requests to the usual place already.
        return place if standby and standby.state == "running" else SERVICE

    def replace(self, release: Release, check: Callable[[str], None]) -> None:
        """Bring a release into the usual place, without a moment in which nobody answers.

        check: raises DeploymentError if the version in that place must not serve.
        Raises DeploymentError, EngineError; what served before then still serves.
        """
        if self.serving() == SERVICE:
            self._point_to(SERVICE)  # a file that an earlier standby has left would let this one in
            self._put(STANDBY, release, check)
            self._switch(STANDBY)
        self._put(SERVICE, release, check)
        self._switch(SERVICE)
        self.clear_standby()

    def restore(self, release: Release, check: Callable[[str], None]) -> None:
        """As `replace`, but leave the release alone where it runs in the usual place already."""
        if not self.containers.runs(SERVICE, release.images["SERVICE_IMAGE"]):
            self.replace(release, check)
            return
        if self.serving() == STANDBY:
            check(SERVICE)
        self._switch(SERVICE)
        self.clear_standby()

    def clear_standby(self) -> None:
        """Remove what a deployment has left in the second place, which must not serve."""
        if container := self.containers.find(STANDBY):
            self._end(container, STANDBY)
            remove(container)

    def price(self, place: str) -> probes.Price | None:
        """What a place answers for the example listing; None where it does not."""
        return probes.example_price(self.nginx, self._addresses[place])

    def price_when_ready(self, place: str) -> probes.Price:
        """As `price`, once all workers are ready. Raises DeploymentError."""
        return probes.wait_until_ready(self.nginx, self._addresses[place])

    def kept_price(self, place: str) -> probes.Price:
        """What a place answers to a real request, which is kept. Raises DeploymentError."""
        return probes.real_price(self.nginx, self._addresses[place])

    def wait_until_drained(self, place: str, since: float) -> None:
        """Wait until PostgreSQL has every record from before `since` (monotonic seconds).

        place: which service is asked; both have one outbox. Raises DeploymentError.
        """

        def is_drained() -> bool:
            elapsed = time.monotonic() - since  # before asking: the answer may take a moment
            return probes.outbox_seconds(self.nginx, self._addresses[place]) < elapsed

        if not wait_for(is_drained, DRAINED_SECONDS):
            raise DeploymentError(
                f"predictions have waited in the outbox for more than {DRAINED_SECONDS} s, nothing "
                "is lost; the log of prediction-forwarder has the reason"
            )

    def wait_until_drained_now(self) -> None:
        """Wait until PostgreSQL has every record that there is now. Raises DeploymentError."""
        self.wait_until_drained(self.serving(), time.monotonic())

    def _put(self, place: str, release: Release, check: Callable[[str], None]) -> None:
        """Start a release in a place that does not serve, and check it."""
        old = self.containers.find(place)
        if old and place == SERVICE:
            self._make_room(old, release)
        elif old:  # of a deployment that was killed: it may still have requests
            self.clear_standby()
        self.containers.up([place], release)
        check(place)
        # It may serve now, also after the machine was started again.
        engine.run("docker", "update", "--restart", "unless-stopped", self._id(place))
        self.say(f"{place:<22} {release.short}, tested")

    def _make_room(self, old: Container, release: Release) -> None:
        """Remove the old version from the usual place, once PostgreSQL has all its predictions."""
        if old.state == "exited" and old.image == image_id(release.images["SERVICE_IMAGE"]):
            return  # a deployment had ended it and failed: it is started again
        self._end(old, SERVICE)
        self.wait_until_drained(STANDBY, time.monotonic())
        remove(old)
        self.say(f"{SERVICE:<22} what was here has ended, its outbox is empty")

    def _point_to(self, place: str) -> None:
        command = f"touch {STANDBY_FILE}" if place == STANDBY else f"rm -f {STANDBY_FILE}"
        execute(self.nginx, "sh", "-c", command, user="0")

    def _switch(self, place: str) -> None:
        self._point_to(place)
        self.say(f"{'nginx':<22} passes requests to {place}")

    def _end(self, container: Container, place: str) -> None:
        """End a container after the requests that nginx has passed to it."""
        if container.state != "running":
            return
        address = self._addresses[place]
        if not wait_for(lambda: not probes.connections(container, address), IDLE_SECONDS):
            self.say(f"{place:<22} is ended after {IDLE_SECONDS} s, with requests under way")
        stop(container)

    def _id(self, place: str) -> str:
        return self.containers.need(place).id
