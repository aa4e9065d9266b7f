"""The whole platform in containers: the main job, recovery, and the Makefile's commands."""

import os
import re
import signal
import socket
import subprocess

import pytest
import requests

from integration_tests.docker.docker_platform import PORTS, DockerPlatform
from integration_tests.helpers.waiting import answers, wait_until
from setup.docker.stack import FILES, Container
from vehicle_price.schema import EXAMPLE

ONE_SHOT = {"database-roles", "mlflow-access", "airflow-migrate"}
SECONDS = 240  # for a container to be healthy again on a busy machine


def price(docker):
    """The answer to the example listing."""
    answer = requests.post(f"{docker.service_url}/predict", json=EXAMPLE, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def lasting(docker) -> list[Container]:
    """The containers that run until they are stopped."""
    return [c for c in docker.stack.containers() if c.service not in ONE_SHOT]


def test_build_shows_each_task_and_ends_with_a_price_and_the_addresses(docker):
    for word in ("prepare_dataset", "train [xgboost]", "train [random_forest]", "gate"):
        assert word in docker.build_output
    assert "model version" in docker.build_output
    for port in ("SERVICE_PORT", "STREAMLIT_PORT", "AIRFLOW_PORT", "MLFLOW_PORT"):
        assert docker.url(port) in docker.build_output
    assert docker.secret("AIRFLOW_PASSWORD") not in docker.build_output


def test_the_production_model_prices_the_example(docker):
    prediction = price(docker)
    interval = prediction["interval"]
    assert interval["low"] <= prediction["price"] <= interval["high"]


def test_the_listings_are_those_of_the_file(docker):
    assert "training on /listings/vehicles.csv" in docker.build_output
    assert "learnt from real listings" in docker.run("status").stdout


def test_every_page_answers(docker):
    pages = {
        "SERVICE_PORT": ("/", "/ready", "/model", "/docs"),
        "STREAMLIT_PORT": ("/", "/_stcore/health"),
        "AIRFLOW_PORT": ("/api/v2/monitor/health",),
        "MLFLOW_PORT": ("/health",),
        "EVIDENTLY_PORT": ("/",),
    }
    for port, paths in pages.items():
        for path in paths:
            assert answers(docker.url(port) + path), (port, path)


def test_no_process_is_roots_and_no_root_file_system_can_be_written(docker):
    for container in lasting(docker):
        facts = docker.inspect(container.service)
        assert facts["HostConfig"]["ReadonlyRootfs"], container.service
        lines = subprocess.check_output(["docker", "top", container.id, "-o", "pid,uid"], text=True)
        users = {line.split()[1] for line in lines.splitlines()[1:]}
        assert users and "0" not in users, container.service


def test_a_secret_is_in_no_environment_of_the_services_processes(docker):
    """The entry point wrote them into files."""
    for pid in subprocess.check_output(
        ["docker", "top", docker.container("service").id, "-o", "pid,args"], text=True
    ).splitlines()[1:]:
        if "docker-init" in pid or "tini" in pid:
            continue  # the engine's own, which only waits
        with open(f"/proc/{pid.split()[0]}/environ", encoding="utf-8") as file:
            assert docker.secret("API_KEY") not in file.read(), pid


def test_the_compiled_loops_come_from_the_image(docker):
    compiled = "find /tmp/compiled -name '*.nbc' -newer /proc/1/stat"
    command = ["docker", "exec", docker.container("service").id, "sh", "-c", compiled]
    assert "compiling again" not in docker.log("service")
    assert subprocess.run(command, check=True, capture_output=True).stdout == b""


def test_predictions_reach_postgresql(docker):
    sent = price(docker)["prediction_id"]
    query = f"SELECT count(*) FROM predictions WHERE prediction_id = '{sent}'"
    wait_until(lambda: docker.rows("vehicle_price", query) == ["1"])


def test_every_container_heals_after_kill_9_of_its_main_process(docker):
    for victim in lasting(docker):
        before = docker.inspect(victim.service)
        os.kill(before["State"]["Pid"], signal.SIGKILL)

        def healed(name=victim.service, old=before):
            now = docker.inspect(name)
            return now["RestartCount"] > old["RestartCount"] and docker.container(name).is_up

        wait_until(healed, SECONDS, pause=1)
    wait_until(lambda: answers(f"{docker.service_url}/ready"), SECONDS)
    assert price(docker)["price"]


def test_status_names_every_container_and_the_production_model(docker):
    completed = docker.run("status")
    assert completed.returncode == 0, completed.stdout
    for container in docker.stack.containers():
        assert re.search(rf"^{container.service} ", completed.stdout, re.M)
    assert "Production " in completed.stdout


def test_building_again_trains_nothing(docker):
    before = price(docker)["model"]["version"]
    again = docker.run("build")
    assert again.returncode == 0, again.stdout
    assert "is in production" in again.stdout and "prepare_dataset" not in again.stdout
    assert price(docker)["model"]["version"] == before


def test_retraining_runs_in_airflow(docker):
    completed = docker.run("retrain")
    assert completed.returncode == 0, completed.stdout
    assert re.search(r"^ +[\d.]+ s +gate +success", completed.stdout, re.M)


def test_stop_leaves_no_container_network_or_port_and_a_build_finds_everything_again(docker):
    before = price(docker)
    assert docker.run("stop").returncode == 0
    name = docker.environ["COMPOSE_PROJECT_NAME"]
    for kind in ("ps -aq", "network ls -q"):
        found = ["docker", *kind.split(), "--filter", f"name={name}"]
        assert subprocess.check_output(found, text=True).split() == []
    for port in PORTS:
        socket.create_server(("127.0.0.1", int(docker.environ[port]))).close()
    assert "Nothing runs" in docker.run("status").stdout
    assert docker.run("build").returncode == 0
    after = price(docker)
    assert (after["price"], after["model"]) == (before["price"], before["model"])
    assert set(FILES) == {container.side for container in docker.stack.containers()}


def test_with_a_certificate_nginx_speaks_tls_and_sends_plain_requests_there(docker, tmp_path):
    service, folder = docker.container("service").id, certificate(tmp_path / "tls")
    with_tls = DockerPlatform(docker.environ | {"TLS_DIR": str(folder)})
    assert (built := with_tls.run("build")).returncode == 0, built.stdout
    url = docker.url("SERVICE_TLS_PORT").replace("http:", "https:")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{url}/ready", timeout=30)  # a certificate that this machine does not trust
    trusted = str(folder / "tls.crt")
    answer = requests.post(f"{url}/predict", json=EXAMPLE, timeout=30, verify=trusted)
    assert answer.status_code == 200 and answer.json()["price"] > 0
    plain = requests.post(
        f"{docker.service_url}/predict", json=EXAMPLE, timeout=30, allow_redirects=False
    )
    assert (plain.status_code, plain.headers["Location"]) == (308, f"{url}/predict")
    assert docker.container("service").id == service  # only nginx was replaced


def certificate(folder):
    """A folder with a key and a certificate for 127.0.0.1 that it has signed itself."""
    folder.mkdir(mode=0o755)
    subject = ["-subj", "/CN=vehicle-price-test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *key, *subject, *files], check=True, timeout=60)
    for path in folder.iterdir():
        path.chmod(0o644)  # nginx runs as another user
    return folder
