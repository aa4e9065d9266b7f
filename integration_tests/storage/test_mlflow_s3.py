"""MLflow's server with its artifacts on S3: clients need no access to the bucket."""

import os
import subprocess
import sys

import boto3
import mlflow
import pytest

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.waiting import answers, wait_until
from integration_tests.storage.s3_server import BUCKET, s3_server
from setup.native.environment import settings_from
from setup.native.programs import environment_of

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory):
    """The address of the MLflow server, and the environment variables of the S3 server."""
    folder, port = tmp_path_factory.mktemp("mlflow_s3"), free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings_from({"LOCAL_DIR": str(folder), "ARTIFACT_ROOT": f"s3://{BUCKET}/models"})
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    with (
        s3_server() as s3,
        (folder / "mlflow.log").open("w", encoding="utf-8") as log,
        keep_logs(folder),
    ):
        environ = environment_of("mlflow", settings, os.environ | s3)
        environ |= {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db"}
        with subprocess.Popen(command, env=environ, stdout=log, stderr=log) as server:
            try:
                wait_until(lambda: answers(f"{url}/health"))
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
    folder = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="model", dst_path=str(tmp_path), tracking_uri=url
    )
    with open(f"{folder}/facts.txt", encoding="utf-8") as file:
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
