"""The first boot of a host on AWS: it starts its side, and stops with the reason at each fault."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration_tests.first_boot.host import (
    PATH,
    REGISTRY,
    Boot,
    Host,
    answering_server,
    client,
    publish,
)
from integration_tests.helpers.http_server import serving
from setup.native.environment import ROOT, read_dotenv
from setup.terraform_checks.stand_in import aws_stand_in

# In continuous integration a missing program must fail, not skip.
if not shutil.which("aws") and not os.environ.get("CI"):
    pytest.skip("needs the AWS command line", allow_module_level=True)

SETTINGS = (ROOT / "terraform" / "settings.tf").read_text(encoding="utf-8")
SECRETS = dict(re.findall(r'^    ([A-Z_]+) += "(shared|training|serving)"$', SETTINGS, re.M))


@pytest.fixture(name="aws", scope="module")
def fixture_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """AWS as Terraform leaves it, with a release: parameters, the bucket, an image registry."""
    with aws_stand_in(tmp_path_factory.mktemp("aws")) as environ:
        ssm = client("ssm", environ)
        for name, reader in SECRETS.items():
            put(ssm, f"{reader}/{name}", f"secret-of-{name}", "SecureString")
        put(ssm, "release/COMMIT", publish(environ))
        put(ssm, "shared/IMAGE_REGISTRY", REGISTRY)
        put(ssm, "shared/MONGODB_URL", "mongodb://user:a$b@host/db", "SecureString")
        yield environ


@contextmanager
def host_of_both_sides(folder: Path, aws: Mapping[str, str]) -> Iterator[Host]:
    """A host, and what answers for its MLflow and its service."""
    host = Host(folder, aws, "both")
    with serving(answering_server(host)) as server:
        port = str(server.server_address[1])
        ports = {"MLFLOW_PORT": port, "SERVICE_PORT": port}
        host.set(ports)
        yield host


@pytest.fixture(name="host")
def fixture_host(tmp_path: Path, aws: Mapping[str, str]) -> Iterator[Host]:
    """A host that has not booted yet."""
    with host_of_both_sides(tmp_path, aws) as host:
        yield host


def put(ssm, name: str, value: str, kind: str = "String") -> None:
    """Write a parameter below the path."""
    ssm.put_parameter(Name=f"{PATH}/{name}", Value=value, Type=kind, Overwrite=True)


@pytest.fixture(name="first_boot", scope="module")
def fixture_first_boot(
    tmp_path_factory: pytest.TempPathFactory, aws: Mapping[str, str]
) -> Iterator[tuple[Host, Boot]]:
    """A host that has booted once."""
    with host_of_both_sides(tmp_path_factory.mktemp("booted"), aws) as host:
        boot = host.boot()
        assert boot.status == 0, boot.output
        yield host, boot


def test_a_new_host_starts_both_sides_trains_and_ends_with_a_price(first_boot: tuple[Host, Boot]):
    host, boot = first_boot
    assert host.is_trained
    assert "price" in boot.output and "9627" in boot.output
    ups = [call for call in boot.calls if " up " in call]
    assert len(ups) == 2
    assert "-p vehicle-price-training" in ups[0] and "docker-compose-airflow.yml" in ups[0]
    assert "-p vehicle-price-serving" in ups[1] and "docker-compose-service.yml" in ups[1]


def test_the_settings_of_compose_are_complete_and_private(first_boot: tuple[Host, Boot]):
    host, _ = first_boot
    values = read_dotenv(host.env_file)
    assert SECRETS.keys() <= values.keys()
    assert values["SERVICE_IMAGE"] == f"{REGISTRY}/service:{values['COMMIT']}"
    assert values["EVIDENTLY_IMAGE"] == f"{REGISTRY}/evidently_service:{values['COMMIT']}"
    assert "MONGODB_URL='mongodb://user:a$b@host/db'" in host.env_file.read_text(encoding="utf-8")
    assert stat.S_IMODE(host.env_file.stat().st_mode) == 0o600


def test_no_secret_is_in_an_argument_or_in_the_output(first_boot: tuple[Host, Boot]):
    host, boot = first_boot
    assert host.registry_password()
    text = "\n".join([boot.output, *boot.calls])
    assert "secret-of-" not in text and host.registry_password() not in text


def test_a_second_boot_changes_nothing_and_trains_no_more(first_boot: tuple[Host, Boot]):
    host, _ = first_boot
    written = host.env_file.read_bytes()
    again = host.boot()
    assert again.status == 0, again.output
    assert host.env_file.read_bytes() == written
    assert not any("dags trigger" in call for call in again.calls)


def test_a_serving_host_starts_its_side_only_and_gets_no_other_secret(
    tmp_path: Path, aws: Mapping[str, str]
):
    host = Host(tmp_path, aws, "serving")
    with serving(answering_server(host)) as server:
        host.set({"SERVICE_PORT": str(server.server_address[1])})
        boot = host.boot()
    assert boot.status == 0, boot.output
    assert not any("training" in call for call in boot.calls)
    values = read_dotenv(host.env_file)
    assert values["SIDE"] == "serving"
    assert not {name for name, reader in SECRETS.items() if reader == "training"} & values.keys()


def test_with_a_database_elsewhere_none_is_started(host: Host, aws: Mapping[str, str]):
    ssm = client("ssm", aws)
    put(ssm, "shared/DATABASE_HOST", "db.example.com")
    try:
        boot = host.boot()
    finally:
        ssm.delete_parameter(Name=f"{PATH}/shared/DATABASE_HOST")
    training = next(call for call in boot.calls if " up " in call and "training" in call)
    assert training.endswith("--scale postgres=0")


def test_without_an_engine_it_says_so(host: Host):
    boot = host.boot(fault="engine")
    assert boot.status == 1
    assert "no engine" in boot.output and "Is the docker daemon running?" in boot.output
    assert "systemctl start docker" in boot.output
    assert boot.calls == ["version --format {{.Server.Version}}"]


def test_without_a_role_it_says_so(host: Host):
    boot = host.boot(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert boot.status == 1
    assert "no role: this host has no instance profile" in boot.output
    assert not host.env_file.exists()


def test_a_missing_secret_is_named(host: Host, aws: Mapping[str, str]):
    ssm = client("ssm", aws)
    ssm.delete_parameter(Name=f"{PATH}/serving/API_KEY")
    try:
        boot = host.boot()
    finally:
        put(ssm, "serving/API_KEY", "secret-of-API_KEY", "SecureString")
    assert boot.status == 1
    assert "a missing secret or setting: API_KEY is not in Parameter Store" in boot.output
    assert f"--name {PATH}/serving/API_KEY" in boot.output
    assert not any(" up " in call for call in boot.calls)


def test_a_registry_that_refuses_is_named(host: Host):
    boot = host.boot(fault="registry")
    assert boot.status == 1
    assert "the registry refuses: registry.example.com" in boot.output
    assert "Your authorization token has expired" in boot.output
    assert not any(" up " in call for call in boot.calls)


def test_an_image_that_is_not_there_is_named(host: Host):
    boot = host.boot(fault="image")
    assert boot.status == 1
    assert f"the registry refuses: {REGISTRY}/service:" in boot.output
    assert "cannot be pulled (manifest for registry/vehicle-price/service not found)" in boot.output
    assert not any(" up " in call for call in boot.calls)


def test_a_release_that_is_not_there_is_named(host: Host, aws: Mapping[str, str]):
    ssm = client("ssm", aws)
    commit = ssm.get_parameter(Name=f"{PATH}/release/COMMIT")["Parameter"]["Value"]
    put(ssm, "release/COMMIT", "f" * 40)
    try:
        boot = host.boot()
    finally:
        put(ssm, "release/COMMIT", commit)
    assert boot.status == 1
    assert f"no release {'f' * 40}" in boot.output and "publish_release.sh" in boot.output
