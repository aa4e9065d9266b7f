"""One platform in containers for the tests of the HTTP contract, of recovery and of commands."""

from collections.abc import Iterator

import pytest

from integration_tests.docker.docker_platform import (
    DockerPlatform,
    environment,
    running_platform,
)
from setup.docker import engine


@pytest.fixture(name="docker", scope="session")
def fixture_docker() -> Iterator[DockerPlatform]:
    """A platform after `make build RUNTIME=docker`. Fails where no engine answers."""
    assert engine.problem() == "", engine.problem()
    with environment("vehicle-price-test") as environ, running_platform(environ) as platform:
        yield platform
