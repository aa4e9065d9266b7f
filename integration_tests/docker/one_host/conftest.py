"""One platform in containers for the tests of the HTTP contract, of recovery and of commands.

It trains on a file of listings of this machine.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_tests.docker.docker_platform import (
    DockerPlatform,
    environment,
    running_platform,
)
from setup.docker import engine
from vehicle_price.sources.sample.source import write_csv

LISTINGS = 6_000


@pytest.fixture(name="docker", scope="session")
def fixture_docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerPlatform]:
    """A platform after `make build RUNTIME=docker`. Fails where no engine answers."""
    assert engine.problem() == "", engine.problem()
    folder = tmp_path_factory.mktemp("host")
    with environment("vehicle-price-test") as environ:
        environ |= {"SOURCE": "file", "DATA": str(listings_file(folder))}
        with running_platform(environ) as platform:
            yield platform


def listings_file(folder: Path) -> Path:
    """A CSV file like Kaggle's that the users of the containers may read."""
    folder.chmod(0o755)
    path = folder / "vehicles.csv"
    write_csv(path, LISTINGS)
    path.chmod(0o644)
    return path
