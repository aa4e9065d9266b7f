"""The environment of each program: what it needs, and no secret of another one."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from setup.native import variables
from setup.native.environment import VENV
from setup.native.run import environment_file
from vehicle_price.atomic_files import replace_file
from vehicle_price.settings import SECRET_SETTINGS, Settings, documented

# Of the caller's environment, what every program gets: names, or beginnings of names with a `*`.
COMMON = (
    *("HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "LANG", "LANGUAGE", "LC_*", "XDG_*"),
    *("PYTHON*", "OMP_*", "NUMBA_*", "LD_LIBRARY_PATH"),
    "SPT_NOENV",  # a title of a process then leaves /proc/PID/environ as it was
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
OUTSIDE = (*PROXIES, *(name.upper() for name in PROXIES))  # a proxy's address may hold a password
S3 = ("AWS_*", *OUTSIDE)
TRAINING, SERVING = "training", "serving"  # users of MLflow
OWNER, SERVICE = "vehicle_price_owner", "vehicle_price_service"  # roles of PostgreSQL
MONITORING = "vehicle_price_monitoring"


class Program(NamedTuple):
    """What a program gets besides the settings.

    passed: of the caller's environment, as COMMON. secrets: settings that may hold a secret. role:
    of PostgreSQL, for the prediction log. user: of MLflow. own: what else it needs.
    """

    passed: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    role: str = ""
    user: str = ""
    own: Callable[[Settings], dict[str, str]] | None = None


PROGRAMS = {
    "postgres": Program(),
    "mlflow": Program(passed=("MLFLOW_*", *S3), own=variables.mlflow),
    "airflow-api-server": Program(passed=("AIRFLOW__*",), own=variables.airflow),
    "airflow-dag-processor": Program(  # opens and resolves incidents of runs
        passed=("AIRFLOW__*",), role=MONITORING, own=variables.airflow
    ),
    "airflow-scheduler": Program(  # runs the tasks: listings, training, promotion
        passed=("AIRFLOW__*", "MLFLOW_*", "KAGGLE_*", *S3),
        secrets=("MONGODB_URL",),
        role=MONITORING,
        user=TRAINING,
        own=variables.airflow,
    ),
    "model-sync": Program(passed=("MLFLOW_*",), role=SERVICE, user=SERVING),
    "prediction-forwarder": Program(role=SERVICE),
    "prediction-archive": Program(passed=S3, role=OWNER),
    "service": Program(passed=("GUNICORN_*",), role=SERVICE),
    "streamlit": Program(passed=("STREAMLIT_*",)),
    "evidently-service": Program(passed=("MLFLOW_*", *OUTSIDE), role=MONITORING, user=SERVING),
    "evidently-ui": Program(own=variables.evidently_ui),
    "prometheus": Program(),
    "grafana": Program(passed=("GF_*",), secrets=("GRAFANA_ALERT_ADDRESS",)),
}


def environment_of(name: str, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a program. environ: the caller's. Generates the secrets that are missing.

    Raises EmptySecret.
    """
    program = PROGRAMS[name]
    return {
        **_common(settings, environ, program.passed, program.secrets),
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",  # Evidently's telemetry, and of others that respect it
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **variables.prediction_log(settings, program.role),
        **variables.mlflow_user(settings, program.user, environ),
        **(program.own(settings) if program.own else {}),
    }


def write_environments(settings: Settings, environ: Mapping[str, str]) -> None:
    """Write the variables of each program where `setup.native.run` looks for them.

    Raises EmptySecret, also for a secret that a program would read from its file.
    """
    variables.check_secrets(settings)
    for name in PROGRAMS:
        text = json.dumps(environment_of(name, settings, environ), indent=1)
        replace_file(environment_file(Path(settings.local_dir), name), text.encode(), mode=0o600)


def remove_environments(settings: Settings) -> None:
    """Delete what `write_environments` has written: nothing runs that needs it."""
    for name in PROGRAMS:
        environment_file(Path(settings.local_dir), name).unlink(missing_ok=True)


def supervisor_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of supervisord, which names settings in its configuration: no secret."""
    return _common(settings, environ)


def _common(
    settings: Settings,
    environ: Mapping[str, str],
    names: Iterable[str] = (),
    secrets: Iterable[str] = (),
) -> dict[str, str]:
    """PATH, every setting but those that may hold a secret, and what is passed on of `environ`.

    names: passed on besides COMMON. secrets: settings that are there although they may hold one.
    """
    hidden = SECRET_SETTINGS - {*secrets}
    shown = [name for name, _, _ in documented() if name not in hidden]
    return {
        **_passed(environ, (*COMMON, *names)),
        **{name: str(getattr(settings, name.lower())) for name in shown},
        "PATH": f"{VENV / 'bin'}:{environ.get('PATH', '/usr/bin:/bin')}",
    }


def _passed(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    exact = {name for name in names if not name.endswith("*")}
    beginnings = tuple(name[:-1] for name in names if name.endswith("*"))
    return {
        name: value
        for name, value in environ.items()
        if (name in exact or name.startswith(beginnings)) and name not in variables.MLFLOW_SIGN_IN
    }
