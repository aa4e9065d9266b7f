"""The two compose files: what every container must have, and that no setting is forgotten."""

import re

import pytest
import yaml

from setup.docker import env_file
from setup.docker.stack import FILES, PROFILES
from setup.native.environment import ROOT
from vehicle_price.settings import documented

# Settings that mean something on this machine only, or that the images and compose set.
SET_BY_IMAGES = {"LOCAL_DIR", "RUN_DIR", "LOG_DIR", "CODE_COMMIT"}
FOLDERS_BELOW_LOCAL_DIR = {"MODEL_DIR", "OUTBOX_DIR", "DOWNLOAD_DIR", "EVIDENTLY_DIR"}
RESTART = {
    "database-roles": "on-failure",
    "mlflow-access": "on-failure",
    "airflow-migrate": "on-failure",
    "service-standby": "no",  # until a deployment has tested it
}


@pytest.fixture(name="files", scope="module", params=FILES.values())
def fixture_file(request) -> dict:
    """One compose file, its anchors resolved."""
    return yaml.safe_load((ROOT / request.param).read_text("utf-8"))


def test_every_container_is_bounded_and_may_do_little(files):
    for name, service in files["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert service["restart"] == RESTART.get(name, "unless-stopped"), name


def test_every_published_port_is_on_this_machine_unless_it_is_set(files):
    ports = [p for service in files["services"].values() for p in service.get("ports", [])]
    assert ports
    for port in ports:
        assert re.match(
            r"\$\{[A-Z0-9]+_BIND_HOST:-127\.0\.0\.1\}:\$\{[A-Z0-9_]+_PORT:-\d+\}:\d+$", port
        )


def test_no_secret_has_a_default(files):
    text = yaml.safe_dump(files, width=1_000)
    secrets = {*env_file.PLAIN, *env_file.FERNET_KEYS}
    used = set(re.findall(r"\$\{(\w+)", text)) & secrets
    assert used
    for name in used:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) == {f":?set {name} in .env"}


def test_every_setting_reaches_a_container():
    text = "".join((ROOT / name).read_text("utf-8") for name in FILES.values())
    missing = {name for name, _, _ in documented() if not re.search(rf"\b{name}\b", text)}
    assert missing <= SET_BY_IMAGES | FOLDERS_BELOW_LOCAL_DIR


def test_compose_v1_can_read_them(files):
    assert not {"version", "name", "include"} & files.keys()
    assert not re.search(r"\$\{[^}]*\$\{", yaml.safe_dump(files, width=1_000))


def test_stop_knows_every_profile():
    files = [yaml.safe_load((ROOT / name).read_text("utf-8")) for name in FILES.values()]
    services = [service for file in files for service in file["services"].values()]
    used = {profile for service in services for profile in service.get("profiles", [])}
    assert used == set(PROFILES.split(","))
