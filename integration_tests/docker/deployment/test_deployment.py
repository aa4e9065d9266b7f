"""Deployments while clients ask all the time: no request fails, and no prediction is lost.

One story on one platform: the tests run in their order.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from integration_tests.docker.deployment.clients import Clients, clients
from integration_tests.docker.deployment.releases import (
    DOES_NOT_START,
    WRONG_PRICES,
    Registry,
    registry,
    remove_images,
)
from integration_tests.docker.docker_platform import DockerPlatform, environment, running_platform
from integration_tests.helpers.waiting import wait_until
from setup.deployment import release, state
from setup.deployment.containers import image_id
from setup.docker import engine
from setup.native.environment import ROOT, read_dotenv

NAME = "vehicle-price-deploy"
FIRST, SECOND, STUCK, WRONG, THIRD = ("1" * 40, "2" * 40, "3" * 40, "4" * 40, "5" * 40)
SERVING = {"SIDE": "serving"}  # the training side takes minutes; the first deployment has both
COMMAND = (sys.executable, "-m", "setup.deployment")


class Scene(NamedTuple):
    """The platform, its clients, and where releases come from."""

    docker: DockerPlatform
    asking: Clients
    images: Registry

    @property
    def folder(self) -> Path:
        """Of the installation's `.env` and state."""
        return Path(self.docker.environ["ENV_FILE"]).parent

    def run(self, command: str, file: Path | None = None, **environ: str):
        """`python -m setup.deployment`, and that no client noticed it."""
        before = len(self.asking.answered)
        ended = subprocess.run(
            [*COMMAND, command],
            env=self._environ(file) | environ,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(ended.stdout)  # pytest shows it with a test that fails
        self.asking.assert_none_failed(before)
        return ended

    def kill_at(self, line: str, file: Path) -> None:
        """Start a deployment and end it by SIGKILL when it says this."""
        with subprocess.Popen(
            [*COMMAND, "deploy"],
            env=self._environ(file) | SERVING,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as deployment:
            said = next((said for said in deployment.stdout if line in said), "")
            deployment.kill()
        assert said, "the deployment ended before it said so"

    def release(self) -> str:
        """The commit of the image that serves."""
        image = self.docker.inspect("service")["Image"]
        labels = engine.inspect("image", [image])[0]["Config"]["Labels"]
        return labels[release.REVISION_LABEL]

    def services(self) -> set[str]:
        """Those that have a container."""
        return {container.service for container in self.docker.stack.containers()}

    def query(self, sql: str) -> list[str]:
        """The rows of a query to the prediction log."""
        return self.docker.rows("vehicle_price", sql)

    def _environ(self, file: Path | None) -> dict[str, str]:
        return self.docker.environ | {"RELEASE_ENV": str(file or "")}


@pytest.fixture(name="scene", scope="module")
def fixture_scene() -> Iterator[Scene]:
    """A platform that serves, with clients until the last test has ended."""
    assert engine.problem() == "", engine.problem()
    with environment(NAME) as environ, tempfile.TemporaryDirectory(prefix=NAME) as folder:
        try:
            with (
                registry(Path(folder), NAME) as images,
                running_platform(environ) as docker,
                clients(docker.service_url) as asking,
            ):
                yield Scene(docker, asking, images)
        finally:
            remove_images("vehicle-price/*:deployed-*")


def test_the_first_deployment_replaces_every_container_of_both_sides(scene):
    file = scene.images.push(FIRST)
    deployed = scene.run("deploy", file)
    assert deployed.returncode == 0, deployed.stdout
    assert scene.release() == FIRST
    wanted = release.read(file)
    ids = {image_id(reference) for reference in wanted.images.values()}
    lasting = scene.services() - {"postgres", "nginx"} - {"database-roles", "mlflow-access"}
    lasting -= {"airflow-migrate"}
    assert {scene.docker.inspect(service)["Image"] for service in lasting} == ids
    assert "service-standby" not in scene.services()


def test_a_reboot_would_start_what_was_deployed(scene):
    """`make build` and the first boot read the images from `.env`."""
    saved = read_dotenv(scene.folder / ".env")
    wanted = state.read(scene.folder).serving
    assert {name: saved[name] for name in wanted.images} == wanted.images
    assert wanted.name == FIRST


def test_the_second_deployment_migrates_and_serves(scene):
    deployed = scene.run("deploy", scene.images.push(SECOND, migration=6), **SERVING)
    assert deployed.returncode == 0, deployed.stdout
    assert scene.release() == SECOND
    assert scene.query("SELECT version_num FROM alembic_version") == ["0006"]


@pytest.mark.parametrize(
    "commit, service, reason",
    [(STUCK, DOES_NOT_START, "it does not start"), (WRONG, WRONG_PRICES, "in the one that serves")],
)
def test_a_broken_release_is_refused_and_the_old_one_serves(scene, commit, service, reason):
    refused = scene.run("deploy", scene.images.push(commit, 7, service), **SERVING)
    assert refused.returncode == 1, refused.stdout
    assert reason in refused.stdout and "serves as before" in refused.stdout
    assert scene.release() == SECOND
    assert "service-standby" not in scene.services()
    assert state.read(scene.folder).serving.name == SECOND
    # Its migration stays, and the old code works with it.
    assert scene.query("SELECT version_num FROM alembic_version") == ["0007"]


def test_an_image_that_the_registry_does_not_have_is_refused(scene):
    file = scene.images.folder / "missing.env"
    there = release.read(scene.images.folder / SECOND / "release.env")
    references = {v: f"{r.partition('@')[0]}@sha256:{'0' * 64}" for v, r in there.images.items()}
    release.write(file, release.Release(THIRD, references))
    refused = scene.run("deploy", file, **SERVING)
    assert refused.returncode == 1, refused.stdout
    assert "cannot be pulled" in refused.stdout and scene.release() == SECOND


def test_a_killed_deployment_is_undone_by_a_rollback(scene):
    file = scene.images.push(THIRD, migration=7)
    before = len(scene.asking.answered)
    scene.kill_at("passes requests to service-standby", file)
    wait_until(lambda: len(scene.asking.answered) > before + 10)  # the standby answers
    assert state.read(scene.folder).under_way.name == THIRD
    undone = scene.run("rollback", **SERVING)
    assert undone.returncode == 0, undone.stdout
    assert scene.release() == SECOND and "service-standby" not in scene.services()


def test_a_killed_deployment_can_be_repeated(scene):
    file = scene.images.folder / THIRD / "release.env"
    scene.kill_at("passes requests to service\n", file)
    repeated = scene.run("deploy", file, **SERVING)
    assert repeated.returncode == 0, repeated.stdout
    assert "undoing it first" in repeated.stdout
    assert scene.release() == THIRD and "service-standby" not in scene.services()


def test_a_rollback_returns_to_the_release_before_on_the_new_schema(scene):
    returned = scene.run("rollback", **SERVING)
    assert returned.returncode == 0, returned.stdout
    assert scene.release() == SECOND
    kept = state.read(scene.folder)
    assert (kept.serving.name, kept.before.name) == (SECOND, THIRD)
    assert scene.query("SELECT version_num FROM alembic_version") == ["0007"]


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="there is no compose v1")
def test_a_second_rollback_returns_to_the_newer_release_also_by_compose_v1(scene):
    returned = scene.run("rollback", COMPOSE_COMMAND="docker-compose", **SERVING)
    assert returned.returncode == 0, returned.stdout
    assert scene.release() == THIRD and "service-standby" not in scene.services()


def test_no_request_has_failed_and_every_prediction_is_in_postgresql(scene):
    scene.asking.end()
    scene.asking.assert_none_failed(0)
    assert scene.asking.files
    assert len(scene.asking.prices) == 1, "the same car, the same model, another price"
    answered = set(scene.asking.answered)

    def missing():
        return answered - set(scene.query("SELECT prediction_id FROM predictions"))

    wait_until(lambda: not missing())
    metrics = requests.get(f"{scene.docker.service_url}/metrics", timeout=30).text
    assert "vehicle_price_outbox_dead_letters 0.0" in metrics
    # A figure for who runs this with -s.
    print(f"{len(answered)} prices answered, {scene.asking.files} slow files, 0 requests failed")
