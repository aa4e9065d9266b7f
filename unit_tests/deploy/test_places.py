"""The two places of the service: in which order they are filled, switched and emptied."""

import pytest

from setup.deployment import places as module
from setup.deployment.containers import Container
from setup.deployment.places import SERVICE, STANDBY, Places
from setup.deployment.release import DeploymentError, Release
from setup.docker import engine

OLD, NEW = (Release(name, {"SERVICE_IMAGE": name}) for name in ("old", "new"))
ADDRESSES = {"SERVICE_ADDRESS": "198.18.250.3:5000", "STANDBY_ADDRESS": "198.18.250.4:5000"}


class Host:
    """In place of an engine: containers that exist, the place that nginx has, and what was done."""

    def __init__(self):
        self.found = {"nginx": self.container("nginx", "nginx")}
        self.found[SERVICE] = self.container(SERVICE, "old")
        self.file_is_there, self.done, self.rejected = False, [], ""

    def container(self, service, image, state="running"):
        """A container; its image's id is the image's name."""
        return Container(service, service, image, state, "healthy", 0, ADDRESSES)

    def find(self, service):
        """As Containers.find."""
        return self.found.get(service)

    need = find

    def runs(self, service, reference):
        """As Containers.runs."""
        container = self.found.get(service)
        return bool(container and container.is_up and container.image == reference)

    def up(self, services, release):
        """As Containers.up."""
        for service in services:
            self.found[service] = self.container(service, release.name)
            self.done.append(f"up {service} {release.name}")

    def execute(self, _, *command, user=""):
        """What runs in nginx's container; only root may change the place."""
        script = command[-1]
        if script.startswith(("touch", "rm")):
            assert user == "0"
            place = STANDBY if script.startswith("touch") else SERVICE
            if self.file_is_there != (place == STANDBY):
                self.done.append(f"nginx to {place}")
            self.file_is_there = place == STANDBY
        return STANDBY if self.file_is_there else SERVICE

    def stop(self, container):
        """docker stop."""
        self.found[container.service] = container._replace(state="exited")
        self.done.append(f"stop {container.service}")

    def remove(self, container):
        """docker rm."""
        del self.found[container.service]
        self.done.append(f"remove {container.service}")

    def check(self, place):
        """The test of prices; refuses the place that `rejected` names."""
        self.done.append(f"test {place}")
        if place == self.rejected:
            raise DeploymentError("no price")


@pytest.fixture(name="host")
def fixture_host(monkeypatch):
    """A host on which OLD serves."""
    host = Host()
    monkeypatch.setattr(module, "execute", host.execute)
    monkeypatch.setattr(module, "stop", host.stop)
    monkeypatch.setattr(module, "remove", host.remove)
    monkeypatch.setattr(module, "image_id", lambda reference: reference)
    monkeypatch.setattr(engine, "run", lambda *_, **__: "")
    monkeypatch.setattr(
        module.probes, "connections", lambda _, address: host.done.append(f"idle {address}")
    )
    monkeypatch.setattr(module.probes, "outbox_seconds", lambda *_: drained(host))
    return host


def drained(host):
    """The age of the oldest record: none."""
    host.done.append("drained")
    return -1.0


def places(host):
    """The two places of the host."""
    return Places(host, lambda _: None)


def test_a_version_goes_through_the_standby_into_the_usual_place(host):
    places(host).replace(NEW, host.check)
    assert host.done == [
        *("up service-standby new", "test service-standby", "nginx to service-standby"),
        *("idle 198.18.250.3:5000", "stop service", "drained", "remove service"),
        *("up service new", "test service", "nginx to service"),
        *("idle 198.18.250.4:5000", "stop service-standby", "remove service-standby"),
    ]


def test_a_version_that_fails_its_test_never_serves_and_the_old_one_is_not_touched(host):
    host.rejected = STANDBY
    with pytest.raises(DeploymentError):
        places(host).replace(NEW, host.check)
    assert host.done == ["up service-standby new", "test service-standby"]
    places(host).restore(OLD, host.check)
    assert set(host.found) == {"nginx", SERVICE} and host.found[SERVICE].image == "old"
    assert not any("nginx" in step for step in host.done)


def test_a_version_that_fails_in_the_usual_place_gives_it_back_while_the_standby_serves(host):
    host.rejected = SERVICE
    with pytest.raises(DeploymentError):
        places(host).replace(NEW, host.check)
    host.rejected, host.done = "", []
    places(host).restore(OLD, host.check)
    assert host.done[:6] == [
        *("idle 198.18.250.3:5000", "stop service", "drained", "remove service"),
        *("up service old", "test service"),
    ]
    assert host.done[6] == "nginx to service" and STANDBY not in host.found


def test_a_version_that_still_runs_in_the_usual_place_is_tested_and_serves_again(host):
    host.up([STANDBY], NEW)
    host.file_is_there, host.done = True, []
    places(host).restore(OLD, host.check)
    assert host.done[:2] == ["test service", "nginx to service"]
    assert STANDBY not in host.found and "stop service" not in host.done


def test_a_standby_of_a_killed_deployment_answers_what_it_has_before_another_takes_its_place(host):
    host.up([STANDBY], NEW)
    host.done = []
    places(host).replace(NEW, host.check)
    assert host.done[:4] == [
        *("idle 198.18.250.4:5000", "stop service-standby", "remove service-standby"),
        "up service-standby new",
    ]


def test_an_outbox_that_is_not_emptied_stops_the_deployment_and_the_old_one_starts_again(
    host, monkeypatch
):
    monkeypatch.setattr(module.probes, "outbox_seconds", lambda *_: 1e9)
    monkeypatch.setattr(module, "DRAINED_SECONDS", 0)
    monkeypatch.setattr("setup.deployment.containers.POLL_SECONDS", 0)
    with pytest.raises(DeploymentError, match="nothing is lost"):
        places(host).replace(NEW, host.check)
    assert host.found[SERVICE].image == "old" and places(host).serving() == STANDBY
    places(host).restore(OLD, host.check)
    assert host.found[SERVICE].is_up and places(host).serving() == SERVICE
    assert "remove service" not in host.done


def test_a_standby_that_is_gone_does_not_serve(host):
    host.file_is_there = True
    assert places(host).serving() == SERVICE
    places(host).restore(OLD, host.check)
    assert not host.file_is_there, "nginx would try the standby's address first"


def test_a_new_standby_gets_no_request_because_of_an_earlier_one(host):
    host.file_is_there = True
    places(host).replace(NEW, host.check)
    assert host.done[:2] == ["nginx to service", "up service-standby new"]


def test_an_nginx_that_cannot_switch_is_refused(host):
    host.found["nginx"] = host.found["nginx"]._replace(environ={})
    with pytest.raises(DeploymentError, match="make build"):
        places(host)
