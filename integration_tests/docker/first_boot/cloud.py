"""AWS for a host that runs containers: moto's server, and a registry with a password."""

import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from integration_tests.docker.docker_platform import EDGE, PORTS
from integration_tests.first_boot.host import PATH, RELEASES_URL, client, publish
from integration_tests.helpers.ports import free_port, free_ports
from integration_tests.helpers.waiting import wait_until
from setup.docker.env_file import FERNET_KEYS, PLAIN
from setup.native.environment import ROOT
from setup.terraform_checks.stand_in import aws_stand_in

HERE = Path(__file__).parent
IMAGE = "vehicle-price-test/host"
IMAGES = ("airflow", "mlflow", "service", "streamlit", "evidently_service")
PROJECT = "vehicle-price-first-boot"
BOOT_SECONDS = 1200


class Cloud(NamedTuple):
    """folder: of the host. aws: leads to the stand-in. values: in Parameter Store."""

    folder: Path
    aws: Mapping[str, str]
    values: dict[str, str]

    def boot(self, engine: bool = True, role: bool = True) -> subprocess.CompletedProcess[str]:
        """Run first_boot.sh in a container. engine, role: whether the host has one."""
        environ = {
            **self.aws,
            "HOST_SETTINGS": str(self.folder / "host.env"),
            "PROJECT_DIR": str(self.folder / "project"),
        }
        if not role:
            environ |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        volumes = [f"{self.folder}:{self.folder}", f"{ROOT}/setup/deploy:/deploy:ro"]
        volumes += ["/var/run/docker.sock:/var/run/docker.sock"] * engine
        options = [word for volume in volumes for word in ("-v", volume)]
        options += [word for name, value in environ.items() for word in ("-e", f"{name}={value}")]
        command = ["docker", "run", "--rm", "--network", "host", *options, IMAGE]
        return subprocess.run(
            [*command, "bash", "/deploy/first_boot.sh"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BOOT_SECONDS,
            check=False,
        )

    def put(self, name: str, value: str) -> None:
        """Write a parameter that both sides read."""
        client("ssm", self.aws).put_parameter(
            Name=f"{PATH}/shared/{name}", Value=value, Type="SecureString", Overwrite=True
        )

    def delete(self, name: str) -> None:
        """Remove a parameter."""
        client("ssm", self.aws).delete_parameter(Name=f"{PATH}/shared/{name}")


@contextmanager
def running_cloud(folder: Path) -> Iterator[Cloud]:
    """Parameters, a release and its images, as after `terraform apply` and a push."""
    _run("docker", "build", "-q", "-t", IMAGE, "-f", str(HERE / "host.Dockerfile"), str(HERE))
    registry_port = free_port()
    registry = f"127.0.0.1:{registry_port}/vehicle-price"
    with aws_stand_in(folder) as aws, _registry(folder, aws, registry_port):
        commit = publish(aws)
        _push_images(folder, registry, commit, aws)
        values = {
            **{name: secrets.token_urlsafe(32) for name in PLAIN},
            **{name: f"{secrets.token_urlsafe(32)}=" for name in FERNET_KEYS},
            **dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)),
            **EDGE,
            "COMPOSE_PROJECT_NAME": PROJECT,
            "IMAGE_REGISTRY": registry,
            "SAMPLE_ROWS": "6000",
            "COMMIT": commit,
        }
        cloud = Cloud(folder, aws, values)
        for name, value in values.items():
            cloud.put(name, value)
        (folder / "host.env").write_text(
            f"SIDE=both\nPARAMETER_PATH={PATH}\nAWS_DEFAULT_REGION={aws['AWS_REGION']}\n"
            f"RELEASES_URL={RELEASES_URL}\n",
            encoding="utf-8",
        )
        yield cloud


def ecr_password(aws: Mapping[str, str]) -> str:
    """What `aws ecr get-login-password` answers."""
    command = ["docker", "run", "--rm", "--network", "host"]
    command += [word for name, value in aws.items() for word in ("-e", f"{name}={value}")]
    return _run(*command, IMAGE, "aws", "ecr", "get-login-password").strip()


@contextmanager
def _registry(folder: Path, aws: Mapping[str, str], port: int) -> Iterator[None]:
    """A registry that takes ECR's password only."""
    name = f"{PROJECT}-registry"
    htpasswd = _run("docker", "run", "--rm", IMAGE, "htpasswd", "-nbB", "AWS", ecr_password(aws))
    (folder / "htpasswd").write_text(htpasswd, encoding="utf-8")
    (folder / "registry.yml").write_text(
        "version: 0.1\n"
        "storage: {filesystem: {rootdirectory: /tmp/registry}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n",
        encoding="utf-8",
    )
    options = ["--rm", "--name", name, "--network", "host", "-v", f"{folder}:{folder}:ro"]
    _run(
        "docker", "run", "-d", *options, IMAGE, "docker-registry", "serve", f"{folder}/registry.yml"
    )
    try:
        wait_until(lambda: _answers(port))
        yield
    finally:
        _run("docker", "rm", "-f", name)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=5).status_code == 401
    except requests.ConnectionError:
        return False


def _push_images(folder: Path, registry: str, commit: str, aws: Mapping[str, str]) -> None:
    docker = ["docker", "--config", str(folder / "docker-config")]
    sign_in = [*docker, "login", "--username", "AWS", "--password-stdin", registry.split("/")[0]]
    subprocess.run(sign_in, input=ecr_password(aws), text=True, check=True, capture_output=True)
    for name in IMAGES:
        reference = f"{registry}/{name}:{commit}"
        _run("docker", "tag", f"vehicle-price/{name}:local", reference)
        _run(*docker, "push", "-q", reference)
        _run("docker", "rmi", reference)  # the host has to pull it


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command[:3])}: {ended.stderr}"
    return ended.stdout
