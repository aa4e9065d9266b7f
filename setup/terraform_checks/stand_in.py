"""A local server that answers like AWS: moto's, in memory, on a free port."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.native.environment import ROOT

REGION = "us-east-1"
HOST = "127.0.0.1"
START_SECONDS = 60
# The image that modules/compute looks for; moto knows none of this name.
UBUNTU = {
    "ami_id": "ami-0123456789abcdef0",
    "name": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261101",
    "description": "Ubuntu 24.04",
    "owner_id": "099720109477",
    "public": True,
    "virtualization_type": "hvm",
    "architecture": "x86_64",
    "state": "available",
    "platform": None,
    "image_type": "machine",
    "hypervisor": "xen",
    "root_device_name": "/dev/sda1",
    "root_device_type": "ebs",
    "sriov": "simple",
    "creation_date": "2026-11-01T00:00:00.000Z",
}


class StandInError(RuntimeError):
    """The server does not start; the message has the end of its log."""


@contextmanager
def aws_stand_in(folder: Path) -> Iterator[dict[str, str]]:
    """The variables that lead Terraform and boto3 to the server. folder: for its files."""
    images = folder / "images.json"
    images.write_text(json.dumps([UBUNTU]), encoding="utf-8")
    port = _free_port()
    command = [sys.executable, "-m", "setup.terraform_checks.server", "-H", HOST, "-p", str(port)]
    environ = {**os.environ, "MOTO_AMIS_PATH": str(images)}
    log = folder / "moto.log"
    with log.open("wb") as output:
        with subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=output, stderr=output
        ) as server:
            try:
                _wait(server, port, log)
                yield client_environment(f"http://{HOST}:{port}")
            finally:
                server.terminate()
                server.wait(10)


def client_environment(url: str) -> dict[str, str]:
    """What makes clients of AWS ask the server at `url`, and nobody else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "3",  # what the stand-in does not know, it never will
    }


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return server.getsockname()[1]


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
    raise StandInError("\n".join(["the local AWS stand-in does not start:", *lines]))
