"""A host that boots for the first time: moto's server is AWS, Docker only writes down its calls.

Parameter Store, S3, ECR's token and the AWS command line are real programs. What answers for MLflow
and the service is a small server, since no container runs.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from integration_tests.helpers.ports import HOST
from setup.native.environment import ROOT

FIRST_BOOT = ROOT / "setup" / "deploy" / "first_boot.sh"
PUBLISH = ROOT / "setup" / "deploy" / "publish_release.sh"
BUCKET = "artifacts"
RELEASES_URL = f"s3://{BUCKET}/releases"
PATH = "/vehicle-price"
REGISTRY = "registry.example.com/vehicle-price"
AWAITED = {"MODEL_SECONDS": "30", "PRICE_SECONDS": "30"}


class Boot(NamedTuple):
    """What one run of first_boot.sh left."""

    status: int
    output: str
    calls: list[str]  # of Docker


class Host:
    """One EC2 host, in a folder."""

    def __init__(self, folder: Path, aws: Mapping[str, str], side: str) -> None:
        self.folder = folder
        self._aws = aws
        self._calls = folder / "calls.log"
        self._bin = folder / "bin"
        self._parameters: dict[str, str] = {}
        self._bin.mkdir(parents=True)
        shutil.copy(Path(__file__).with_name("docker"), self._bin / "docker")
        self._settings = folder / "host.env"
        self._settings.write_text(
            f"SIDE={side}\nPARAMETER_PATH={PATH}\nAWS_DEFAULT_REGION={aws['AWS_REGION']}\n"
            f"RELEASES_URL={RELEASES_URL}\nLOG_GROUPS={PATH}\n",
            encoding="utf-8",
        )

    def set(self, parameters: Mapping[str, str]) -> None:
        """Put parameters where this host reads them when it boots, whatever others put there."""
        self._parameters.update(parameters)

    def boot(self, fault: str = "", **changes: str) -> Boot:
        """Run the script as systemd would. fault: what Docker refuses; changes: of variables."""
        self._calls.write_text("", encoding="utf-8")
        for name, value in self._parameters.items():
            client("ssm", self._aws).put_parameter(
                Name=f"{PATH}/shared/{name}", Value=value, Type="String", Overwrite=True
            )
        environ = {
            **_without_aws(os.environ),
            **self._aws,
            **AWAITED,
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "HOST_SETTINGS": str(self._settings),
            "PROJECT_DIR": str(self.folder / "project"),
            "CALLS": str(self._calls),
            "FAULT": fault,
            **changes,
        }
        environ = {name: value for name, value in environ.items() if value}
        command = ["bash", str(FIRST_BOOT)]
        ended = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        calls = self._calls.read_text(encoding="utf-8").splitlines()
        return Boot(ended.returncode, ended.stdout + ended.stderr, calls)

    @property
    def is_trained(self) -> bool:
        """Whether Airflow was asked for a training."""
        return Path(f"{self._calls}.trained").exists()

    @property
    def env_file(self) -> Path:
        """What compose reads."""
        return self.folder / "project" / ".env"

    def registry_password(self) -> str:
        """What Docker signed in with."""
        return Path(f"{self._calls}.password").read_text(encoding="utf-8").strip()


def _without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def publish(aws: Mapping[str, str]) -> str:
    """Put this commit's files onto S3, as a deployment does; the commit."""
    environ = {**os.environ, **aws, "RELEASES_URL": RELEASES_URL}
    client("s3", aws).create_bucket(Bucket=BUCKET)
    ended = subprocess.run([str(PUBLISH)], env=environ, capture_output=True, text=True, check=True)
    return ended.stdout.strip().rpartition("/")[2].removesuffix(".tar.gz")


def client(service: str, aws: Mapping[str, str]) -> Any:
    """A client of the stand-in."""
    return boto3.client(
        service,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
        region_name=aws["AWS_REGION"],
    )


def answering_server(host: Host) -> ThreadingHTTPServer:
    """MLflow, with a model once the training was asked for, and the service, with a price then."""

    class Handler(BaseHTTPRequestHandler):
        """Answers both."""

        # The names and parameters are those that http.server calls.
        def do_GET(self) -> None:  # pylint: disable=invalid-name
            """The alias `production` of MLflow."""
            self._answer(200 if host.is_trained else 404, {})

        def do_POST(self) -> None:  # pylint: disable=invalid-name
            """POST /predict of the service."""
            listing = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_complete = {"year", "manufacturer", "odometer"} <= listing.keys()
            self._answer(200 if is_complete else 422, {"price": 9627, "currency": "USD"})

        def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
            """Nothing: the test's output is the script's."""

        def _answer(self, status: int, content: dict) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((HOST, 0), Handler)
