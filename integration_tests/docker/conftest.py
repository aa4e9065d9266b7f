"""One platform in containers for the tests of the HTTP contract, of recovery and of commands."""

from collections.abc import Iterator

import pytest

from integration_tests.docker.docker_platform import DockerPlatform, running_platform
from setup.docker import engine


@pytest.fixture(name="docker", scope="session")
def fixture_docker() -> Iterator[DockerPlatform]:
    """A platform after `make build RUNTIME=docker`. Fails where no engine answers."""
    assert engine.problem() == "", engine.problem()
    with running_platform("vehicle-price-test") as platform:
        yield platform
