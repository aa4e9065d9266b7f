"""The scripts of the deployment workflow: sign in, hand over secrets, ask for a price."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from integration_tests.first_boot.host import PATH, REGISTRY, client
from integration_tests.helpers.http_server import serving
from integration_tests.helpers.ports import HOST, free_port
from setup.native.environment import ROOT
from setup.terraform_checks.stand_in import aws_stand_in

# In continuous integration a missing program must fail, not skip.
needs_aws = pytest.mark.skipif(
    not shutil.which("aws") and not os.environ.get("CI"), reason="needs the AWS command line"
)
SECRET = "mongodb://user:a$b 'c'@host/db"


@pytest.fixture(name="aws", scope="module")
def fixture_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """AWS without anything."""
    with aws_stand_in(tmp_path_factory.mktemp("aws")) as environ:
        yield environ


def run(name: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A script of setup/deploy that has ended."""
    return subprocess.run(
        [ROOT / "setup" / "deploy" / name, *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_aws
def test_a_secret_reaches_the_hosts_and_no_output(aws):
    words = ("MONGODB_URL", "KAGGLE_API_TOKEN")
    for value in ("the first", SECRET):
        ended = run("put_secrets.sh", *words, **aws, PARAMETER_PATH=PATH, MONGODB_URL=value)
        assert ended.returncode == 0, ended.stderr
        assert value not in ended.stdout + ended.stderr
    name = f"{PATH}/shared/MONGODB_URL"
    parameter = client("ssm", aws).get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (parameter["Value"], parameter["Type"]) == (SECRET, "SecureString")
    assert "KAGGLE_API_TOKEN is not set" in ended.stdout


@needs_aws
def test_a_secret_that_aws_does_not_take_stops(aws):
    away = {**aws, "AWS_ENDPOINT_URL": f"http://{HOST}:{free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    ended = run("put_secrets.sh", "MONGODB_URL", **away, PARAMETER_PATH=PATH, MONGODB_URL="x")
    assert ended.returncode != 0
    assert "is set" not in ended.stdout


@needs_aws
def test_docker_is_signed_in_to_the_registry_without_an_argument(aws, tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(Path(__file__).with_name("docker"), tmp_path / "bin" / "docker")
    calls = tmp_path / "calls"
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    environ = {**aws, "PATH": path, "CALLS": str(calls)}
    ended = run("sign_in.sh", **environ, IMAGE_REGISTRY=REGISTRY)
    assert ended.returncode == 0, ended.stderr
    host = REGISTRY.partition("/")[0]
    assert calls.read_text() == f"login --username AWS --password-stdin {host}\n"
    password = calls.with_suffix(".password").read_text().strip()
    assert password and password not in ended.stdout + ended.stderr
    assert run("sign_in.sh", **environ, FAULT="registry", IMAGE_REGISTRY=REGISTRY).returncode != 0
    assert "IMAGE_REGISTRY" in run("sign_in.sh", **environ, IMAGE_REGISTRY="").stderr


class Service(BaseHTTPRequestHandler):
    """A service that gives the price of its server."""

    # The names and parameters are those that http.server calls.
    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer with the price, or with 503 where there is none."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"price": self.server.price}).encode()
        self.send_response(200 if self.server.price else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
        """Not into the test's output."""


@pytest.mark.parametrize(
    ("price", "status", "said"), [(9627, 0, "price 9627"), (None, 1, "no price")]
)
def test_the_smoke_test_asks_for_a_price(price, status, said, tmp_path):
    with serving(ThreadingHTTPServer((HOST, 0), Service)) as server:
        server.price = price
        env_file = tmp_path / ".env"
        env_file.write_text(f"SIDE='serving'\nSERVICE_PORT='{server.server_address[1]}'\n")
        ended = run("smoke_test.sh", ENV_FILE=str(env_file))
    assert ended.returncode == status, ended.stderr
    assert said in ended.stdout + ended.stderr


def test_the_smoke_test_fails_without_a_service(tmp_path):
    (tmp_path / ".env").write_text(f"SERVICE_PORT={free_port()}\n")
    ended = run("smoke_test.sh", ENV_FILE=str(tmp_path / ".env"))
    assert ended.returncode == 1
    assert "no price from http://127.0.0.1:" in ended.stderr


def test_the_smoke_test_leaves_a_training_host_alone(tmp_path):
    (tmp_path / ".env").write_text("SIDE='training'\n")
    assert "training side only" in run("smoke_test.sh", ENV_FILE=str(tmp_path / ".env")).stdout


def test_the_smoke_test_fails_without_settings(tmp_path):
    assert run("smoke_test.sh", ENV_FILE=str(tmp_path / ".env")).returncode == 1
