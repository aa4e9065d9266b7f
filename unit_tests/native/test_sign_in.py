"""Who may sign in to PostgreSQL from where, and how people at the shell sign in to MLflow."""

import os

import psycopg2
import pytest

from setup.native.postgres import listen_addresses, sign_in_rules
from vehicle_price.cli.options import sign_in_to_mlflow
from vehicle_price.prediction_log.database import Address, connect
from vehicle_price.settings import Settings

USER, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"


@pytest.fixture(name="local")
def _local(tmp_path, monkeypatch):
    """A folder with the password of `training`, and nobody who has signed in."""
    for name in (USER, PASSWORD):
        monkeypatch.setenv(name, "")  # restored in the end
        monkeypatch.delenv(name)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mlflow_training_password").write_text("ours\n", encoding="utf-8")
    return str(tmp_path)


def test_who_may_read_the_secrets_trains_at_this_machines_server(local):
    sign_in_to_mlflow(Settings.from_environment({"LOCAL_DIR": local, "MLFLOW_PORT": "6001"}))
    assert (os.environ[USER], os.environ[PASSWORD]) == ("training", "ours")


@pytest.mark.parametrize("uri", ["https://mlflow.example.org", "sqlite:///x.db"])
def test_no_other_server_is_told_the_password(local, uri):
    sign_in_to_mlflow(Settings(local_dir=local, mlflow_tracking_uri=uri))
    assert USER not in os.environ and PASSWORD not in os.environ


def test_a_user_that_is_set_stays(local, monkeypatch):
    monkeypatch.setenv(USER, "serving")
    sign_in_to_mlflow(Settings(local_dir=local))
    assert os.environ[USER] == "serving" and PASSWORD not in os.environ


def test_postgresql_listens_here_too_wherever_it_is_opened():
    assert listen_addresses("127.0.0.1") == "127.0.0.1"
    assert listen_addresses("0.0.0.0") == "0.0.0.0"
    assert listen_addresses("10.1.2.3") == "127.0.0.1,10.1.2.3"


def test_the_administrator_signs_in_from_this_machine_only():
    assert sign_in_rules("127.0.0.1") == "host all all 127.0.0.1/32 scram-sha-256\n"
    rules = sign_in_rules("0.0.0.0").splitlines()  # the first that fits counts
    assert rules[1:] == ["host all postgres all reject", "host all all all scram-sha-256"]


def test_an_empty_password_file_is_named_before_anybody_is_asked(tmp_path):
    (tmp_path / "password").write_text("\n", encoding="utf-8")
    address = Address("postgresql://us@127.0.0.1:9/x", str(tmp_path / "password"))
    with pytest.raises(psycopg2.OperationalError, match="password is empty"):
        connect(address, 1)
