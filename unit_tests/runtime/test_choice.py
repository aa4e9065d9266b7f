"""Which runtime `make build` takes, and why."""

import pytest

from setup.docker import engine, images
from setup.runtime import choice


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """A machine where nothing runs, an engine answers and every image is here."""
    monkeypatch.setattr(engine, "problem", lambda: "")
    monkeypatch.setattr(images, "unavailable", lambda _: [])
    monkeypatch.setattr(choice, "running_runtimes", lambda _: [])
    return monkeypatch


def test_docker_where_an_engine_answers_and_every_image_can_be_had(machine):
    del machine
    runtime, why = choice.to_build({})
    assert runtime == "docker" and "every image" in why


def test_native_with_the_reason_where_no_engine_answers(machine):
    machine.setattr(engine, "problem", lambda: "there is no program `docker`")
    assert choice.to_build({}) == ("native", "there is no program `docker`")


def test_native_with_the_image_that_is_missing(machine):
    machine.setattr(images, "unavailable", lambda _: ["the image x is not here"])
    assert choice.to_build({}) == ("native", "the image x is not here")


def test_what_runs_already_stays(machine):
    machine.setattr(choice, "running_runtimes", lambda _: ["native"])
    assert choice.to_build({})[0] == "native"
    assert choice.of_running({}) == ["native"]


def test_the_variable_decides(machine):
    machine.setattr(engine, "problem", lambda: "there is no program `docker`")
    assert choice.to_build({"RUNTIME": "docker"})[0] == "docker"
    assert choice.of_running({"RUNTIME": "docker"}) == ["docker"]


def test_stop_is_for_everything_that_runs(machine):
    machine.setattr(choice, "running_runtimes", lambda _: ["native", "docker"])
    assert choice.of_running({}) == ["native", "docker"]


def test_another_runtime_is_refused_with_those_that_there_are(machine):
    del machine
    with pytest.raises(choice.WrongRuntime, match="RUNTIME=podman: expected native or docker"):
        choice.to_build({"RUNTIME": "podman"})


def test_a_tagged_image_of_a_registry_must_be_pulled_and_a_local_one_needs_its_base(monkeypatch):
    asked = []
    monkeypatch.setattr(images, "is_here", lambda name: asked.append(name) or True)
    images.unavailable({image.variable: "registry/x:1" for image in images.OWN.values()})
    assert images.BASE not in asked and "registry/x:1" in asked
    images.unavailable({})
    assert images.BASE in asked
