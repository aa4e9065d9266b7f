"""Training and serving as on two hosts: two networks, private addresses, models and listings on S3.

The private address is the one that this machine has on the engine's default network: containers of
both sides reach its published ports there, and no container reaches one of the other side directly.
"""

import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

import boto3
import pytest
import requests

from integration_tests.docker.docker_platform import DockerPlatform, environment, running_platform
from integration_tests.helpers.waiting import answers, wait_until
from integration_tests.platform.airflow_runs import TRAIN
from integration_tests.storage.s3_server import BUCKET, s3_server
from setup.docker import engine
from vehicle_price.schema import EXAMPLE

SECONDS = 300


class Hosts(NamedTuple):
    """The two sides, and the variables that lead AWS clients to their store."""

    training: DockerPlatform
    serving: DockerPlatform
    s3: dict[str, str]


@pytest.fixture(name="hosts", scope="module")
def fixture_hosts() -> Iterator[Hosts]:
    """Both sides, started one after the other, the model trained by the first."""
    assert engine.problem() == "", engine.problem()
    subnet = engine.inspect("network", ["bridge"])[0]["IPAM"]["Config"][0]["Subnet"]
    address = str(ip_network(subnet)[1])  # this machine's
    with (
        s3_server(address) as s3,
        environment("vehicle-price-training-host") as first,
        environment("vehicle-price-serving-host") as second,
    ):
        first |= s3 | {
            "SIDE": "training",
            "SERVICE_URL": f"http://{address}:{second['SERVICE_PORT']}",
            "DATA_ROOT": f"s3://{BUCKET}/listings",
            "ARTIFACT_ROOT": f"s3://{BUCKET}/models",
            "MLFLOW_ALLOWED_HOSTS": f"{address}:{first['MLFLOW_PORT']}",
            **{f"{name}_BIND_HOST": address for name in ("POSTGRES", "MLFLOW", "AIRFLOW")},
        }
        second |= {
            "SIDE": "serving",
            "PREDICTION_DATABASE_URL": (
                f"postgresql://{address}:{first['POSTGRES_PORT']}/vehicle_price"
            ),
            "MLFLOW_TRACKING_URI": f"http://{address}:{first['MLFLOW_PORT']}",
            "AIRFLOW_URL": f"http://{address}:{first['AIRFLOW_PORT']}",
            "SERVICE_BIND_HOST": address,
            "SERVICE_URL": first["SERVICE_URL"],
        }
        with running_platform(first) as training:
            shutil.copy(first["ENV_FILE"], second["ENV_FILE"])
            with running_platform(second) as serving:
                yield Hosts(training, serving, s3)


def service_url(hosts):
    """Where clients ask for prices."""
    return hosts.serving.environ["SERVICE_URL"]


def test_the_model_is_on_s3_and_prices_on_the_other_host(hosts):
    url = service_url(hosts)
    wait_until(lambda: answers(f"{url}/ready"), SECONDS)
    answer = requests.post(f"{url}/predict", json=EXAMPLE, timeout=30)
    assert answer.status_code == 200 and answer.json()["price"] > 0
    names = stored(hosts)
    assert any(name.startswith("models/") and "manifest" in name for name in names)
    assert any(name.startswith("listings/") and name.endswith(".parquet") for name in names)


def test_the_two_sides_share_no_network(hosts):
    networks = [
        {
            name
            for container in side.stack.containers()
            for name in side.inspect(container.service)["NetworkSettings"]["Networks"]
        }
        for side in (hosts.training, hosts.serving)
    ]
    assert networks[0] and networks[1] and not networks[0] & networks[1]


def test_predictions_reach_the_database_of_the_training_side(hosts):
    answer = requests.post(f"{service_url(hosts)}/predict", json=EXAMPLE, timeout=30)
    sent = answer.json()["prediction_id"]
    query = f"SELECT count(*) FROM predictions WHERE prediction_id = '{sent}'"
    psql = ["psql", "-h", "127.0.0.1", "-U", "postgres", "-At", "-d", "vehicle_price", "-c", query]
    secret = f"PGPASSWORD={hosts.training.secret('POSTGRES_PASSWORD')}"
    postgres = hosts.training.container("postgres").id
    command = ["docker", "exec", "-e", secret, postgres, *psql]
    wait_until(lambda: subprocess.check_output(command, text=True).strip() == "1", SECONDS)


def test_the_webhook_of_mlflow_leads_to_the_service_on_the_other_host(hosts):
    url = f"{hosts.serving.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/webhooks"
    sign_in = ("admin", hosts.training.secret("MLFLOW_ADMIN_PASSWORD"))
    (webhook,) = requests.get(url, auth=sign_in, timeout=30).json()["webhooks"]
    assert webhook["url"] == f"{service_url(hosts)}/webhooks/mlflow"
    address = f"{url}/{webhook['webhook_id']}/test"
    sent = requests.post(address, json={}, auth=sign_in, timeout=60).json()["result"]
    assert sent["success"], sent


def test_a_client_of_the_serving_host_starts_a_training_on_the_other(hosts):
    headers = {"X-API-Key": hosts.serving.secret("API_KEY")}
    started = requests.post(f"{service_url(hosts)}/train", headers=headers, timeout=60)
    assert started.status_code == 202, started.text
    assert started.json()["run_id"] in hosts.training.airflow().ids(TRAIN)


def stored(hosts):
    """Names in the bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=hosts.s3["AWS_ENDPOINT_URL"],
        aws_access_key_id=hosts.s3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=hosts.s3["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
