"""A local S3 server for tests: moto's, in memory, as a process on a free port."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from integration_tests.helpers.ports import HOST, free_port
from integration_tests.helpers.waiting import wait_until

BUCKET = "listings-test"


@contextmanager
def s3_server(host: str = HOST) -> Iterator[dict[str, str]]:
    """The environment variables that lead AWS clients to the server; it has the bucket BUCKET.

    host: the address of this machine that it listens on.
    """
    import boto3

    port = free_port()
    url = f"http://{host}:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _listens(server, host, port))
            environ = client_environment(url)
            client = boto3.client(
                "s3",
                endpoint_url=url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                region_name="us-east-1",
            )
            client.create_bucket(Bucket=BUCKET)
            yield environ
        finally:
            server.terminate()
            server.wait(10)


def client_environment(url: str) -> dict[str, str]:
    """The environment variables that lead AWS clients to a server that asks for no real key."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _listens(server: subprocess.Popen, host: str, port: int) -> bool:
    """Whether the server accepts connections. Raises RuntimeError if it has ended."""
    if server.poll() is not None:
        raise RuntimeError(f"moto's S3 server ended with status {server.returncode}")
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False
