"""The environment every process of the native runtime starts with.

Only the standard library: the preflight reads ports from here before anything is installed.
"""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"

if str(ROOT / "src") not in sys.path:  # usable before the package is installed
    sys.path.insert(0, str(ROOT / "src"))

# Below the path that they are found by.
from vehicle_price.atomic_files import replace_file  # pylint: disable=wrong-import-position
from vehicle_price.settings import Settings, documented  # pylint: disable=wrong-import-position

DATABASES = ("airflow", "mlflow", "vehicle_price")
LISTINGS_NAMES = {"SOURCE", "DATA"}  # the variables that choose where listings come from


def read_dotenv(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a .env file; {} when there is no file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def env_file(environ: Mapping[str, str]) -> Path:
    """The file with this installation's settings: ENV_FILE, else `.env` in the project's folder."""
    return Path(environ.get("ENV_FILE") or ROOT / ".env")


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings: `environ` first, then `.env`, then the defaults; paths made absolute.

    SOURCE and DATA are one choice: where `environ` has either, those of `.env` do not count.
    DATA without SOURCE means the source `file`.
    """
    given = {name: value for name, value in environ.items() if value}
    saved = read_dotenv(env_file(environ))
    if LISTINGS_NAMES & given.keys():
        saved = {name: value for name, value in saved.items() if name not in LISTINGS_NAMES}
    merged = saved | given
    if data := merged.get("DATA"):
        merged.setdefault("SOURCE", "file")
        merged["DATA"] = data if "://" in data else str(Path(data).expanduser().resolve())
    merged["LOCAL_DIR"] = str(ROOT / merged.get("LOCAL_DIR", ".local"))
    return Settings.from_environment(merged)


def keep_source(settings: Settings, environ: Mapping[str, str]) -> None:
    """Write SOURCE and DATA into the file of settings if `environ` chooses them.

    From then on they are the installation's: of the nightly run, of Airflow's forms, of /train.
    """
    if not LISTINGS_NAMES & {name for name, value in environ.items() if value}:
        return
    path = env_file(environ)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in LISTINGS_NAMES]
    kept += [f"SOURCE={settings.source}", f"DATA={settings.data}"]
    replace_file(path, "\n".join([*kept, ""]).encode(), mode=0o600)


def process_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` plus every setting and the variables of Airflow, MLflow and PostgreSQL.

    Generates the secrets that are missing under LOCAL_DIR/secrets (mode 0600).
    """
    variables = {name: str(getattr(settings, name.lower())) for name, _, _ in documented()}
    local = Path(settings.local_dir)
    return {
        **environ,
        **variables,
        "PATH": f"{VENV / 'bin'}:{environ.get('PATH', '/usr/bin:/bin')}",
        "PYTHONUNBUFFERED": "1",
        "POSTGRES_PASSWORD": secret(local, "postgres_password"),
        "GRAFANA_DATABASE_PASSWORD": secret(local, "grafana_database_password"),
        "MLFLOW_BACKEND_STORE_URI": database_url(settings, "mlflow"),
        "MLFLOW_ARTIFACTS_DESTINATION": settings.artifact_root,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # LLM evaluation jobs: 4 more processes
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",  # Evidently's telemetry, and of others that respect it
        "EVIDENTLY_SECRET": secret(local, "evidently_secret"),  # without it, its pages only show
        # The registry's webhook: to the service on this machine, known to MLflow at once.
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "2",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": secret(local, "mlflow_webhook_key") + "=",
        **_airflow(settings, local),
    }


def database_url(settings: Settings, database: str) -> str:
    """SQLAlchemy address of one database of the embedded PostgreSQL, password included.

    The driver is named because SQLAlchemy 2.1 would otherwise look for psycopg 3.
    """
    password = secret(Path(settings.local_dir), "postgres_password")
    address = f"127.0.0.1:{settings.postgres_port}"
    return f"postgresql+psycopg2://postgres:{password}@{address}/{database}"


def secret(local: Path, name: str) -> str:
    """The secret stored in LOCAL_DIR/secrets/<name>, generated when it is missing."""
    path = local / "secrets" / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text(encoding="utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Write `text` to a new file of mode 0600; at no time may others read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _airflow_password(settings: Settings) -> None:
    path = Path(settings.airflow_password_file)
    if not path.exists():
        write_private(path, json.dumps({settings.airflow_username: secrets.token_urlsafe(12)}))


def _airflow(settings: Settings, local: Path) -> dict[str, str]:
    _airflow_password(settings)
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
        "DATABASE__SQL_ALCHEMY_CONN": database_url(settings, "airflow"),
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
