"""MLflow's server with its users: who may move `production`, who may read, where webhooks go."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.mlflow_server import register_version, set_alias
from integration_tests.helpers.ports import free_port
from integration_tests.helpers.waiting import answers, wait_until
from integration_tests.privilege.postgres_server import PASSWORDS, postgres_server
from setup.native import variables
from setup.native.environment import ROOT, settings_from
from vehicle_price.registry.names import MODEL_NAME, WEBHOOK_NAME

HOOKS = "/api/2.0/mlflow/webhooks"


class Mlflow:
    """A server; its users have the passwords of `settings`."""

    def __init__(self, settings, folder):
        self.settings, self.folder = settings, folder
        self.url = variables.own_mlflow(settings)

    def environ(self, postgres_port):
        """The server's variables, as the native runtime sets them."""
        database = {"PGPORT": str(postgres_port), "PGPASSWORD": PASSWORDS["mlflow"]}
        return os.environ | variables.mlflow(self.settings) | database

    @contextmanager
    def running(self, environ, *options):
        """The server, until the block ends."""
        port = str(self.settings.mlflow_port)
        command = [sys.executable, "-m", "mlflow", "server", "--port", port, "--workers", "1"]
        with (
            (self.folder / "mlflow.log").open("a", encoding="utf-8") as log,
            subprocess.Popen(
                [*command, *options],
                **{"cwd": ROOT, "env": environ, "stdout": log, "stderr": log},
                start_new_session=True,
            ) as server,
        ):
            try:
                wait_until(lambda: answers(f"{self.url}/health"))
                yield self
            finally:
                os.killpg(server.pid, signal.SIGKILL)

    def password(self, user):
        """The password of a user."""
        return variables.mlflow_password(self.settings, user)

    def request(self, method, path, user="", **body):
        """An answer of the API to a user, or to somebody who does not sign in."""
        sign_in = (user, self.password(user)) if user else None
        sent = {"params" if method == "GET" else "json": body}
        return requests.request(method, f"{self.url}{path}", auth=sign_in, timeout=30, **sent)

    def command(self, **changed):
        """`python -m setup.mlflow_access`."""
        names = {user: f"MLFLOW_{user.upper()}_PASSWORD" for user in ("admin", *USERS)}
        given = {name: self.password(user) for user, name in names.items()}
        given |= {"MLFLOW_TRACKING_URI": self.url, "SERVICE_URL": self.settings.service_url}
        given |= {"WEBHOOK_SECRET_FILE": self.settings.webhook_secret_file}
        return subprocess.run(
            [sys.executable, "-m", "setup.mlflow_access"],
            env=os.environ | given | changed,
            check=False,
            **{"cwd": ROOT, "capture_output": True, "text": True},
        )


USERS = ("training", "serving")


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory):
    """A server whose model an earlier version, without users, has registered."""
    folder = tmp_path_factory.mktemp("mlflow")
    settings = settings_from({"LOCAL_DIR": str(folder), "MLFLOW_PORT": str(free_port())})
    variables.webhook_secret(settings)
    artifact = folder / "artifact"
    artifact.mkdir()
    (artifact / "manifest.json").write_text("{}", encoding="utf-8")
    server = Mlflow(settings, folder)
    with keep_logs(folder), postgres_server() as postgres:
        postgres.make_roles()
        environ = server.environ(postgres.port)
        with server.running(environ):
            for _ in range(2):
                register_version(server.url, artifact)
            set_alias(server.url, "production", "1")
        with server.running(environ, "--app-name", "basic-auth"):
            made = server.command()
            assert made.returncode == 0, made.stdout + made.stderr
            yield server


@pytest.fixture(name="sign_in")
def _sign_in(server, monkeypatch):
    """Sign in as a user, as every process does: by the environment; MLflow's client."""

    def sign_in(user):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.password(user))
        return mlflow.MlflowClient(server.url)

    return sign_in


def production(server):
    """The version that `production` names."""
    path = "/api/2.0/mlflow/registered-models/alias"
    answer = server.request("GET", path, "serving", name=MODEL_NAME, alias="production")
    return answer.json()["model_version"]["version"]


def test_without_a_user_everything_but_the_health_check_is_refused(server):
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
    for path in ("/", "/api/2.0/mlflow/registered-models/search", f"/get-artifact?run_uuid={1}"):
        answer = server.request("GET", path)
        assert answer.status_code == 401 and "Basic" in answer.headers["WWW-Authenticate"], path
    move = {"name": MODEL_NAME, "alias": "production", "version": "2"}
    answer = server.request("POST", "/api/2.0/mlflow/registered-models/alias", **move)
    assert answer.status_code == 401 and production(server) == "1"


def test_serving_reads_what_it_needs_and_changes_nothing(server, sign_in, tmp_path):
    client = sign_in("serving")
    version = client.get_model_version_by_alias(MODEL_NAME, "production")
    assert client.get_run(version.run_id).info.run_id == version.run_id
    assert client.search_model_versions(f"name='{MODEL_NAME}'")
    assert client.search_runs([client.get_run(version.run_id).info.experiment_id])
    client.download_artifacts(version.run_id, "model", str(tmp_path))
    changes = (
        lambda: client.set_registered_model_alias(MODEL_NAME, "production", "2"),
        lambda: client.delete_registered_model_alias(MODEL_NAME, "production"),
        lambda: client.set_model_version_tag(MODEL_NAME, "1", "manifest_sha256", "x"),
        lambda: client.create_model_version(MODEL_NAME, version.source, version.run_id),
        lambda: client.delete_model_version(MODEL_NAME, "2"),
        lambda: client.delete_registered_model(MODEL_NAME),
        lambda: client.create_registered_model("mine"),
        lambda: client.create_experiment("mine"),
        lambda: client.log_metric(version.run_id, "bias", 0.0),
        lambda: client.log_text(version.run_id, "{}", "model/artifacts/valuation/manifest.json"),
        lambda: client.create_webhook("mine", "http://127.0.0.1:1/", ["registered_model.created"]),
    )
    for change in changes:
        with pytest.raises(
            (MlflowException, requests.HTTPError), match="403|Permission|only reads"
        ):
            change()
    assert production(server) == "1"


def test_training_goes_on_with_what_was_there_registers_and_moves_production(server, sign_in):
    client = sign_in("training")
    run = client.create_run(client.get_experiment_by_name(MODEL_NAME).experiment_id)
    client.log_metric(run.info.run_id, "bias", 0.0)
    client.log_text(run.info.run_id, "{}", "model/facts.json")
    source = f"{run.info.artifact_uri}/model"
    made = client.create_model_version(MODEL_NAME, source, run.info.run_id)
    client.set_model_version_tag(MODEL_NAME, made.version, "gate", "promoted")
    client.set_registered_model_tag(MODEL_NAME, "moved_to", made.version)
    client.set_registered_model_alias(MODEL_NAME, "challenger", made.version)
    client.delete_registered_model_alias(MODEL_NAME, "challenger")
    client.set_registered_model_alias(MODEL_NAME, "production", made.version)
    assert production(server) == made.version
    client.set_registered_model_alias(MODEL_NAME, "production", "1")


def test_training_makes_no_users_and_gives_no_rights(server):
    for path, body in (
        ("/api/2.0/mlflow/users/create", {"username": "me", "password": "long enough 123"}),
        ("/api/3.0/mlflow/roles/create", {"workspace": "default", "name": "mine"}),
        (HOOKS, {"name": "mine", "url": server.settings.service_url}),
    ):
        assert server.request("POST", path, "training", **body).status_code == 403, path


def test_webhooks_go_to_the_service_only_whoever_registers_them(server):
    listed = server.request("GET", HOOKS, "admin").json()["webhooks"]
    (ours,) = [one for one in listed if one["name"] == WEBHOOK_NAME]
    assert ours["url"] == variables.webhook_url(server.settings)
    event = {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}
    other = {"name": "other", "url": "http://169.254.169.254/latest", "events": [event]}
    refused = [
        server.request("POST", HOOKS, "admin", **other),
        server.request("POST", HOOKS.replace("/api/", "/ajax-api/"), "admin", **other),
        server.request("PATCH", f"{HOOKS}/{ours['webhook_id']}", "admin", **other),
        server.request(
            "PATCH", f"{HOOKS}/{ours['webhook_id']}", "admin", name="without an address"
        ),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert server.request("GET", HOOKS, "admin").json()["webhooks"] == listed


def test_making_the_users_again_gives_them_their_new_passwords(server):
    again = server.command(MLFLOW_SERVING_PASSWORD="another password of 2026")
    assert again.returncode == 0, again.stderr
    path = "/api/2.0/mlflow/registered-models/search"
    assert server.request("GET", path, "serving").status_code == 401
    assert server.command().returncode == 0
    assert server.request("GET", path, "serving").status_code == 200


@pytest.mark.parametrize(
    "name", ["MLFLOW_ADMIN_PASSWORD", "MLFLOW_TRAINING_PASSWORD", "MLFLOW_SERVING_PASSWORD"]
)
def test_an_empty_password_makes_nobody(server, name):
    refused = server.command(**{name: ""})
    assert refused.returncode == 1 and name in refused.stderr


def test_a_wrong_password_of_the_administrator_says_what_to_do(server):
    refused = server.command(MLFLOW_ADMIN_PASSWORD="not this one")
    assert refused.returncode == 1 and "first start" in refused.stderr
