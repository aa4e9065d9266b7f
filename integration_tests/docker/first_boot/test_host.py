"""The first boot with real containers ends with a price; each fault stops it with its reason."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from integration_tests.docker.docker_platform import DockerPlatform
from integration_tests.docker.first_boot.cloud import PROJECT, Cloud, running_cloud
from setup.docker import engine
from setup.native.environment import ROOT
from vehicle_price.schema import EXAMPLE


@pytest.fixture(name="cloud", scope="module")
def fixture_cloud() -> Iterator[Cloud]:
    """AWS with everything that a host needs; its containers are deleted at the end."""
    assert engine.problem() == "", engine.problem()
    subprocess.run([sys.executable, "-m", "setup.docker", "images"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="first-boot-") as folder:
        with running_cloud(Path(folder)) as cloud:
            yield cloud
            env_file = Path(folder) / "project" / ".env"
            own = {"ENV_FILE": str(env_file), "LOCAL_DIR": folder, "COMPOSE_PROJECT_NAME": PROJECT}
            removed = DockerPlatform({**os.environ, **cloud.values, **own}).run("clean")
            assert removed.returncode == 0, removed.stdout


def stopped_with(cloud: Cloud, **changes: bool) -> str:
    """The last line of a boot that must fail."""
    boot = cloud.boot(**changes)
    assert boot.returncode == 1, boot.stdout
    return boot.stdout.strip().splitlines()[-1]


def test_without_an_engine(cloud: Cloud):
    assert "no engine: docker does not answer" in stopped_with(cloud, engine=False)


def test_without_a_role(cloud: Cloud):
    assert "no role: this host has no instance profile" in stopped_with(cloud, role=False)


def test_with_a_missing_secret(cloud: Cloud):
    cloud.delete("WEBHOOK_SECRET")
    try:
        assert "WEBHOOK_SECRET is not in Parameter Store" in stopped_with(cloud)
    finally:
        cloud.put("WEBHOOK_SECRET", cloud.values["WEBHOOK_SECRET"])


def test_with_a_registry_that_refuses(cloud: Cloud):
    accepted = (cloud.folder / "htpasswd").read_text(encoding="utf-8")
    (cloud.folder / "htpasswd").write_text("", encoding="utf-8")
    try:
        line = stopped_with(cloud)
    finally:
        (cloud.folder / "htpasswd").write_text(accepted, encoding="utf-8")
    assert "the registry refuses: 127.0.0.1" in line and "401 Unauthorized" in line


def test_it_ends_with_a_price_and_a_second_boot_keeps_the_containers(cloud: Cloud):
    boot = cloud.boot()
    assert boot.returncode == 0, boot.stdout
    assert "first_boot: price" in boot.stdout
    before = containers()
    url = f"http://127.0.0.1:{cloud.values['SERVICE_PORT']}/predict"
    first = requests.post(url, json=EXAMPLE, timeout=30).json()["price"]
    again = cloud.boot()
    assert again.returncode == 0, again.stdout
    assert containers() == before
    assert requests.post(url, json=EXAMPLE, timeout=30).json()["price"] == first


def containers() -> set[str]:
    """The long-running containers of both sides."""
    command = ["docker", "ps", "-q", "--filter", f"name={PROJECT}"]
    return set(subprocess.check_output(command, text=True).split())
