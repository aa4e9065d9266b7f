"""MLflow's server with its artifacts on S3; clients need neither the bucket nor its keys."""

import os
import socket
import subprocess
import sys
import time

import boto3
import mlflow
import pytest
import requests

from integration_tests.storage.s3_server import BUCKET, s3_server
from setup.native.environment import process_environment, settings_from

SECONDS = 90
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory):
    """(address of the MLflow server, environment of the S3 server)."""
    folder = tmp_path_factory.mktemp("mlflow_s3")
    with s3_server() as s3, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        wanted = {"LOCAL_DIR": str(folder), "ARTIFACT_ROOT": f"s3://{BUCKET}/models"}
        environ = process_environment(settings_from(wanted), os.environ | s3)
        environ |= {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db"}
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        log = (folder / "log").open("w", encoding="utf-8")
        with subprocess.Popen(command, env=environ, stdout=log, stderr=log) as server:
            try:
                url = f"http://127.0.0.1:{port}"
                _wait(server, url)
                yield url, s3
            finally:
                server.terminate()


def test_artifacts_lie_in_the_bucket_and_come_back_through_the_server(
    server, tmp_path, monkeypatch
):
    url, s3 = server
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    client = mlflow.MlflowClient(url)
    run = client.create_run(client.create_experiment("listings"))
    client.log_text(run.info.run_id, "a price model", "model/facts.txt")
    found = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="model", dst_path=str(tmp_path), tracking_uri=url
    )
    with open(f"{found}/facts.txt", encoding="utf-8") as file:
        assert file.read() == "a price model"
    bucket = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        aws_access_key_id=s3[KEYS[0]],
        aws_secret_access_key=s3[KEYS[1]],
        region_name="us-east-1",
    )
    stored = [o["Key"] for o in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert [key for key in stored if key.startswith("models/") and key.endswith("facts.txt")]


def _wait(server: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    raise RuntimeError(f"MLflow did not answer at {url} within {SECONDS} s")
