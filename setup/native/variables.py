"""The variables of Airflow, MLflow, PostgreSQL and Evidently for this installation.

They hold secrets of LOCAL_DIR/secrets, which are generated where they are missing.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from setup.database_roles import ADMINISTRATOR_PASSWORD, ROLES
from setup.native.environment import ROOT, EmptySecret, read_secret, secret, write_private
from vehicle_price.settings import Settings

MLFLOW_SIGN_IN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
RECEIVERS = "alert_urls"  # a list of addresses, which may be empty
LIBRARY = "postgresql+psycopg2"  # SQLAlchemy 2.1 would otherwise look for psycopg 3


def check_secrets(settings: Settings) -> None:
    """Raise EmptySecret for a file of LOCAL_DIR/secrets without content."""
    for path in sorted(Path(settings.local_dir, "secrets").glob("*")):
        if path.name != RECEIVERS:
            read_secret(path)


def role_password(settings: Settings, role: str) -> str:
    """The password of a role of PostgreSQL."""
    return secret(Path(settings.local_dir), f"{role}_password")


def database_roles(settings: Settings) -> dict[str, str]:
    """The variables of `python -m setup.database_roles`, but for the address."""
    passwords = {variable: role_password(settings, role) for role, variable in ROLES.items()}
    return passwords | {ADMINISTRATOR_PASSWORD: role_password(settings, "postgres")}


def prediction_log(settings: Settings, role: str) -> dict[str, str]:
    """The address of the prediction log for a role; {} for none.

    Another address than that of the embedded PostgreSQL stays as it was set, for every program.
    """
    embedded = Settings.from_environment({"POSTGRES_PORT": str(settings.postgres_port)})
    if not role or settings.prediction_database_url != embedded.prediction_database_url:
        return {}
    role_password(settings, role)  # makes the file
    address = f"127.0.0.1:{settings.postgres_port}/vehicle_price"
    return {
        "PREDICTION_DATABASE_URL": f"postgresql://{role}@{address}",
        "PREDICTION_DATABASE_PASSWORD_FILE": f"{settings.local_dir}/secrets/{role}_password",
    }


def mlflow_user(settings: Settings, user: str, environ: Mapping[str, str]) -> dict[str, str]:
    """How a program signs in to MLflow; {} for a program that does not.

    At another server than that of this installation, as `environ` says.
    """
    if not user:
        return {}
    if settings.mlflow_tracking_uri != own_mlflow(settings):
        return {name: environ[name] for name in MLFLOW_SIGN_IN if environ.get(name)}
    return dict(zip(MLFLOW_SIGN_IN, (user, mlflow_password(settings, user)), strict=False))


def own_mlflow(settings: Settings) -> str:
    """The address of this installation's MLflow server."""
    own = {"MLFLOW_PORT": str(settings.mlflow_port), "MLFLOW_BIND_HOST": settings.mlflow_bind_host}
    return Settings.from_environment(own).mlflow_tracking_uri


def mlflow_password(settings: Settings, user: str) -> str:
    """The password of a user of MLflow."""
    return secret(Path(settings.local_dir), f"mlflow_{user}_password")


def mlflow(settings: Settings) -> dict[str, str]:
    """The variables of MLflow's server. libpq reads the address of its database from them, so that
    it stands in no file."""
    local = Path(settings.local_dir)
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(settings.postgres_port),
        "PGUSER": "mlflow",
        "PGDATABASE": "mlflow",
        "PGPASSWORD": role_password(settings, "mlflow"),
        "MLFLOW_BACKEND_STORE_URI": f"{LIBRARY}:///mlflow",
        "MLFLOW_ARTIFACTS_DESTINATION": settings.artifact_root,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # LLM evaluation jobs: 4 more processes
        "MLFLOW_AUTH_CONFIG_PATH": str(ROOT / "setup" / "mlflow_access" / "basic_auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": mlflow_password(settings, "admin"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secret(local, "mlflow_flask_key"),
        # The registry's webhook: to the service on this machine, known to MLflow at once.
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "2",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": secret(local, "mlflow_webhook_key") + "=",
        "WEBHOOK_URL": webhook_url(settings),  # setup/mlflow_access/rules.py allows no other
    }


def webhook_url(settings: Settings) -> str:
    """Where MLflow tells the service that an alias has moved."""
    return f"{settings.service_url}/webhooks/mlflow"


def webhook_secret(settings: Settings) -> str:
    """What the webhook is signed with; the service reads the same file."""
    path = Path(settings.webhook_secret_file)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return read_secret(path)


def evidently_ui(settings: Settings) -> dict[str, str]:
    """The variables of Evidently's pages: without the secret, they could be changed by anybody."""
    return {"EVIDENTLY_SECRET": secret(Path(settings.local_dir), "evidently_secret")}


def airflow(settings: Settings) -> dict[str, str]:
    """The variables of Airflow."""
    local = Path(settings.local_dir)
    airflow_password(settings)
    password = role_password(settings, "airflow")
    database = f"{LIBRARY}://airflow:{password}@127.0.0.1:{settings.postgres_port}/airflow"
    variables = {
        "CORE__DAGS_FOLDER": ROOT / "airflow" / "dags",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__FERNET_KEY": secret(local, "airflow_fernet_key") + "=",  # base64 of 32 bytes
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.airflow_username}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": settings.airflow_password_file,
        "CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "API__BASE_URL": settings.airflow_url,
        "API__SECRET_KEY": secret(local, "airflow_secret_key"),
        "API_AUTH__JWT_SECRET": secret(local, "airflow_jwt_secret"),
        "LOGGING__BASE_LOG_FOLDER": f"{settings.log_dir}/airflow",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # A busy machine answers late; after a time-out the task is lost, since it has been started.
        "WORKERS__EXECUTION_API_TIMEOUT": "60",
    }
    prefixed = {f"AIRFLOW__{name}": str(value) for name, value in variables.items()}
    return {"AIRFLOW_HOME": f"{local}/airflow"} | prefixed


def airflow_password(settings: Settings) -> str:
    """The password of this installation's user of Airflow."""
    path, user = Path(settings.airflow_password_file), settings.airflow_username
    if not path.exists():
        write_private(path, json.dumps({user: secrets.token_urlsafe(12)}))
    if password := json.loads(read_secret(path)).get(user):
        return str(password)
    raise EmptySecret(f"{path} has no password of {user}: delete it for a new one")
