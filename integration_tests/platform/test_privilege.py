"""Who has which secret, who listens where, and who may do what, on the running platform."""

import ipaddress
import stat
from pathlib import Path

import psutil
import psycopg2
import pytest
import requests

from setup.native.environment import settings_from
from setup.native.stack import processes, session_members
from vehicle_price.registry.names import MODEL_NAME

# Program → secrets that it has, of the files in LOCAL_DIR/secrets. Their values are generated.
OF_AIRFLOW = {
    *("airflow_password", "airflow_fernet_key", "airflow_secret_key", "airflow_jwt_secret")
}
HAS = {
    "airflow-api-server": OF_AIRFLOW,
    "airflow-dag-processor": OF_AIRFLOW,
    "airflow-scheduler": OF_AIRFLOW | {"mlflow_training_password"},
    "mlflow": {
        "mlflow_password",
        "mlflow_admin_password",
        "mlflow_webhook_key",
        "mlflow_flask_key",
    },
    "model-sync": {"mlflow_serving_password"},
    "evidently-service": {"mlflow_serving_password"},
    "evidently-ui": {"evidently_secret"},
    "grafana": {"grafana_admin_password", "grafana_password"},
}
NOBODY = {"postgres_password", "vehicle_price_owner_password", "vehicle_price_service_password"}


@pytest.fixture(name="settings", scope="module")
def _settings(platform):
    return settings_from(platform.environ)


@pytest.fixture(name="members", scope="module")
def _members(settings):
    """Every process of the platform, supervisord included."""
    pid = Path(settings.local_dir, "run", "supervisord.pid").read_text("utf-8")
    return session_members(int(pid), settings)


@pytest.fixture(name="secrets", scope="module")
def _secrets(platform):
    """Name → value of every generated secret."""
    files = (platform.local_dir / "secrets").iterdir()
    return {file.name: platform.secret(file.name) for file in files if file.suffix != ".json"}


def environment_of(pid):
    """What /proc shows of a process, as text."""
    text = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
    assert "LOCAL_DIR=" in text  # a title of the process may have been written over it
    return text


def held(pid, secrets):
    """The names of the secrets in a process's environment."""
    text = environment_of(pid)
    return {name for name, value in secrets.items() if value in text}


def test_no_process_has_the_superusers_or_an_owners_password(members, secrets):
    assert len(members) > 15 and set(secrets) >= NOBODY
    in_files = {name: secrets[name] for name in NOBODY}
    assert [member.cmdline() for member in members if held(member.pid, in_files)] == []


def test_a_process_and_its_children_have_the_secrets_of_their_program_only(settings, secrets):
    checked = set()
    for row in processes(settings):
        if row["statename"] != "RUNNING":
            continue
        name, process = row["name"], psutil.Process(row["pid"])
        # PostgreSQL's processes write their titles over what they inherited.
        children = [] if name == "postgres" else process.children(recursive=True)
        for one in children:
            assert held(one.pid, secrets) <= HAS.get(name, set()), (name, one.cmdline())
        assert held(process.pid, secrets) == HAS.get(name, set()), name
        checked.add(name)
    assert checked >= {"service", "mlflow", "airflow-scheduler", "prediction-archive"}
    supervisor = int(Path(settings.local_dir, "run", "supervisord.pid").read_text("utf-8"))
    assert held(supervisor, secrets) == set()


def test_only_the_service_listens_beyond_this_machine(settings, members):
    """The platform of these tests has SERVICE_BIND_HOST=0.0.0.0."""
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for member in members
        for connection in member.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    open_ports = {port for ip, port in listening if not ipaddress.ip_address(ip).is_loopback}
    assert open_ports == {settings.service_port}
    expected = {settings.mlflow_port, settings.airflow_port, settings.postgres_port}
    assert {port for _, port in listening} > expected | {settings.streamlit_port}


def test_nobody_else_may_read_what_the_platform_writes(platform):
    private = [platform.local_dir / "secrets", *(platform.local_dir / "secrets").iterdir()]
    private += (platform.local_dir / "logs").glob("*.log")
    private += (platform.local_dir / "run" / "environments").iterdir()
    assert len(private) > 20
    open_to_others = [p for p in private if stat.S_IMODE(p.stat().st_mode) & 0o077]
    assert open_to_others == []


def test_an_anonymous_or_reading_client_cannot_move_production(platform):
    url = f"{platform.mlflow_url}/api/2.0/mlflow/registered-models/alias"
    move = {"name": MODEL_NAME, "alias": "production", "version": "1"}
    serving = ("serving", platform.secret("mlflow_serving_password"))
    query = {"name": MODEL_NAME, "alias": "production"}
    before = requests.get(url, params=query, auth=serving, timeout=30).json()
    assert requests.post(url, json=move, timeout=30).status_code == 401
    assert requests.post(url, json=move, auth=serving, timeout=30).status_code == 403
    assert requests.get(url, params=query, auth=serving, timeout=30).json() == before


def test_everybody_signs_in_to_postgresql_as_a_role_of_its_own(settings, platform):
    password = platform.secret("postgres_password")
    address = {"host": "127.0.0.1", "port": settings.postgres_port, "dbname": "postgres"}
    sessions = "SELECT DISTINCT datname, usename FROM pg_stat_activity WHERE datname IS NOT NULL"
    with psycopg2.connect(**address, user="postgres", password=password) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"{sessions} AND pid <> pg_backend_pid()")
            found = set(cursor.fetchall())
    connection.close()
    assert found >= {("airflow", "airflow"), ("mlflow", "mlflow")}
    assert ("vehicle_price", "vehicle_price_service") in found
    assert "postgres" not in {role for _, role in found}
