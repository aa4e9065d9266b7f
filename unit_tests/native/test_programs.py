"""The environment of each program: what it needs, and no secret of another one."""

import configparser
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from setup.native import programs
from setup.native.environment import ROOT, EmptySecret, settings_from
from setup.native.programs import PROGRAMS, environment_of
from setup.native.run import environment_file
from vehicle_price.settings import SECRET_SETTINGS

GIVEN = {
    "PATH": "/bin",
    "HOME": "/h",
    "MONGODB_URL": "mongodb://me:mongo-secret@127.0.0.1/x",
    "GRAFANA_ALERT_ADDRESS": "https://example.org/alert-secret",
    "KAGGLE_KEY": "kaggle-secret",
    "AWS_SECRET_ACCESS_KEY": "aws-secret",
    "https_proxy": "http://me:proxy-secret@127.0.0.1:1",
    "GITHUB_TOKEN": "github-secret",
    "MLFLOW_TRACKING_PASSWORD": "shell-secret",
}
# Secret → the programs that have it; the files are those of LOCAL_DIR/secrets.
HOLDERS = {
    "mongo-secret": {"airflow-scheduler"},
    "alert-secret": {"grafana"},
    "kaggle-secret": {"airflow-scheduler"},
    "aws-secret": {"airflow-scheduler", "mlflow", "prediction-archive"},
    "proxy-secret": {"airflow-scheduler", "mlflow", "prediction-archive", "evidently-service"},
    "github-secret": set(),
    "shell-secret": set(),
    "secrets/airflow_password": {
        "airflow-api-server",
        "airflow-dag-processor",
        "airflow-scheduler",
    },
    "secrets/airflow_jwt_secret": {
        "airflow-api-server",
        "airflow-dag-processor",
        "airflow-scheduler",
    },
    "secrets/mlflow_password": {"mlflow"},
    "secrets/mlflow_admin_password": {"mlflow"},
    "secrets/mlflow_webhook_key": {"mlflow"},
    "secrets/mlflow_training_password": {"airflow-scheduler"},
    "secrets/mlflow_serving_password": {"model-sync", "evidently-service"},
    "secrets/evidently_secret": {"evidently-ui"},
}


@pytest.fixture(name="environ")
def _environ(tmp_path):
    ports = {"POSTGRES_PORT": "7001", "AIRFLOW_PORT": "7002"}
    return GIVEN | ports | {"LOCAL_DIR": str(tmp_path), "ENV_FILE": str(tmp_path / ".env")}


@pytest.fixture(name="of_programs")
def _of_programs(environ):
    settings = settings_from(environ)
    return {name: environment_of(name, settings, environ) for name in PROGRAMS}


def test_the_programs_are_those_of_supervisord_and_each_starts_in_its_environment():
    configuration = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    configuration.read(ROOT / "supervisord.conf", encoding="utf-8")
    sections = {
        s.removeprefix("program:"): s for s in configuration.sections() if ":program" in f":{s}"
    }
    assert set(sections) == set(PROGRAMS)
    for section in sections.values():
        command = configuration[section]["command"]
        assert command.startswith("python -m setup.native.run %(program_name)s "), section


@pytest.mark.parametrize("secret", HOLDERS)
def test_a_secret_is_where_it_is_needed_and_nowhere_else(of_programs, tmp_path, secret):
    value = (tmp_path / secret).read_text("utf-8").strip() if "/" in secret else secret
    holders = {name for name, own in of_programs.items() if value in " ".join(own.values())}
    assert holders == HOLDERS[secret]


def test_every_generated_secret_is_known_to_these_tests_or_to_no_process(of_programs, tmp_path):
    for file in (tmp_path / "secrets").iterdir():
        value = file.read_text("utf-8").strip()
        holders = {name for name, own in of_programs.items() if value in " ".join(own.values())}
        if f"secrets/{file.name}" not in HOLDERS:
            assert not holders or holders <= set(HOLDERS["secrets/airflow_password"]) | {"mlflow"}


def test_supervisord_which_all_inherit_from_has_no_secret(environ, of_programs, tmp_path):
    del of_programs  # makes the secrets
    own = " ".join(programs.supervisor_environment(settings_from(environ), environ).values())
    files = [file.read_text("utf-8").strip() for file in (tmp_path / "secrets").iterdir()]
    given = [secret for secret in HOLDERS if "/" not in secret]
    assert [secret for secret in files + given if secret in own] == []


def test_supervisord_has_every_setting_that_its_configuration_names(environ):
    own = programs.supervisor_environment(settings_from(environ), environ)
    named = re.findall(r"%\(ENV_(\w+)\)s", (ROOT / "supervisord.conf").read_text("utf-8"))
    assert named and set(named) <= set(own)


def test_a_program_signs_in_to_the_prediction_log_with_its_role(of_programs):
    urls = {name: own["PREDICTION_DATABASE_URL"] for name, own in of_programs.items()}
    roles = {name: re.match(r"postgresql://(\w+)@", url).group(1) for name, url in urls.items()}
    assert roles["service"] == roles["prediction-forwarder"] == "vehicle_price_service"
    for name in ("evidently-service", "airflow-scheduler", "airflow-dag-processor"):
        assert roles[name] == "vehicle_price_monitoring", name
    assert roles["prediction-archive"] == "vehicle_price_owner"
    for name, role in roles.items():
        file = of_programs[name]["PREDICTION_DATABASE_PASSWORD_FILE"]
        assert file.endswith(f"/{role}_password"), name


def test_another_prediction_log_or_mlflow_than_this_installations_stays_as_it_was_set(environ):
    environ |= {
        "PREDICTION_DATABASE_URL": "postgresql://us@db.example.org/log",
        "MLFLOW_TRACKING_URI": "https://mlflow.example.org",
        "MLFLOW_TRACKING_USERNAME": "us",
    }
    own = environment_of("model-sync", settings_from(environ), environ)
    assert own["PREDICTION_DATABASE_URL"] == environ["PREDICTION_DATABASE_URL"]
    assert own["MLFLOW_TRACKING_USERNAME"] == "us"
    assert own["MLFLOW_TRACKING_PASSWORD"] == "shell-secret"


def test_addresses_follow_the_ports_and_nobody_is_a_superuser(of_programs, tmp_path):
    airflow, mlflow = of_programs["airflow-scheduler"], of_programs["mlflow"]
    assert "airflow:" in airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("@127.0.0.1:7001/airflow")
    assert airflow["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:7002/execution/"
    assert airflow["AIRFLOW_HOME"].startswith(str(tmp_path))
    assert (mlflow["PGUSER"], mlflow["PGPORT"]) == ("mlflow", "7001")
    assert airflow["HOME"] == "/h" and airflow["PATH"].endswith(":/bin")
    assert "postgres" not in {part for own in of_programs.values() for part in own.values()}


def test_settings_that_may_hold_a_secret_are_declared():
    assert {"MONGODB_URL", "GRAFANA_ALERT_ADDRESS"} == SECRET_SETTINGS


def test_a_program_runs_with_its_variables_only_and_its_files_are_its_owners(environ, tmp_path):
    settings = settings_from(environ)
    programs.write_environments(settings, environ)
    file = environment_file(tmp_path, "service")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    code = "import json, os; print(json.dumps([dict(os.environ), os.umask(0)]))"
    command = [sys.executable, "-m", "setup.native.run", "service", sys.executable, "-c", code]
    inherited = os.environ | {"LOCAL_DIR": str(tmp_path), "GITHUB_TOKEN": "github-secret"}
    done = subprocess.run(command, env=inherited, cwd=ROOT, capture_output=True, check=True)
    variables, umask = json.loads(done.stdout)
    variables.pop("LC_CTYPE", None)  # Python's own
    assert variables == json.loads(file.read_text("utf-8")) and umask == 0o077
    programs.remove_environments(settings)
    refused = subprocess.run(command, env=inherited, cwd=ROOT, capture_output=True, check=False)
    assert refused.returncode == 1 and b"make stop build" in refused.stderr


@pytest.mark.parametrize("name", ["postgres_password", "mlflow_admin_password", "webhook_secret"])
def test_an_empty_secret_starts_nothing_and_is_named(environ, tmp_path, name):
    """As `make build` meets it: nothing was started yet."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / name).write_text("\n", encoding="utf-8")
    with pytest.raises(EmptySecret, match=f"{name} is empty"):
        programs.write_environments(settings_from(environ), environ)
    assert not Path(environment_file(tmp_path, "service")).exists()
