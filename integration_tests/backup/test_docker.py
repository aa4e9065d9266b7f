"""A platform in containers is saved, deleted with its volumes and secrets, and restored."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from integration_tests.backup.listings import answers_to, command, prices, succeed, thousand_cars
from integration_tests.docker.docker_platform import DockerPlatform, environment, running_platform
from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import TRAIN
from setup.docker import engine

NAME = "vehicle-price-backup-test"
# A network of its own for nginx and the service, away from those of other tests.
EDGE = {
    "EDGE_SUBNET": "198.18.252.0/28",
    "NGINX_ADDRESS": "198.18.252.2",
    "SERVICE_ADDRESS": "198.18.252.3",
}
LOG = "SELECT prediction_id, price FROM predictions ORDER BY 1"

pytestmark = pytest.mark.skipif(bool(engine.problem()), reason=engine.problem())


@pytest.fixture(name="environ", scope="module")
def _environ() -> Iterator[dict[str, str]]:
    with environment(NAME) as environ:
        yield environ | EDGE | {"RUNTIME": "docker"}


def test_a_restored_platform_has_the_same_prices_log_and_runs(environ, tmp_path):
    listings, place = thousand_cars(environ), str(tmp_path)
    with running_platform(environ) as platform:
        before = answers_to(platform.service_url, listings)
        ids = {prediction["prediction_id"] for prediction in before}
        succeed(environ, "setup.backup", "save", place)
        runs = platform.airflow().ids(TRAIN)
        refused = command(environ, "setup.backup", "restore", newest(place))
        assert refused.returncode == 1 and "needs an empty installation" in refused.stdout
    old_secrets = Path(environ["ENV_FILE"])
    old_secrets.unlink()
    try:
        restored(environ, newest(place), listings, before, ids, runs)
    finally:
        assert DockerPlatform(environ).run("clean").returncode == 0


def restored(environ, backup, listings, before, ids, runs) -> None:
    """Restore and compare."""
    platform = DockerPlatform(environ)
    succeed(environ, "setup.backup", "restore", backup)
    logged = {line.partition("|")[0] for line in platform.rows("vehicle_price", LOG)}
    assert ids <= logged
    output = succeed(environ, "setup.runtime", "build")
    assert "is in production" in output and "training on" not in output
    assert prices(answers_to(platform.service_url, listings)) == prices(before)
    wait_until(lambda: len(platform.rows("vehicle_price", LOG)) >= 2 * len(ids))
    assert platform.airflow().ids(TRAIN) == runs
    assert requests.get(f"{platform.service_url}/ready", timeout=30).ok


def newest(place: str) -> str:
    """The address of the newest backup."""
    return os.path.join(place, max(os.listdir(place)))
