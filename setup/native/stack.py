"""Start, watch and stop the processes of supervisord.conf."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from importlib.metadata import version
from pathlib import Path
from xmlrpc.client import Fault, ServerProxy

import psutil
import psycopg2
from supervisor.xmlrpc import SupervisorTransport

from setup.database_roles import RolesError
from setup.mlflow_access import users
from setup.native import observability, postgres, programs, variables
from setup.native.environment import ROOT, VENV
from vehicle_price.settings import Settings

AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")
WITHOUT_AIRFLOW = (
    "mlflow",
    "prediction-archive",
    "prediction-forwarder",
    "service",
    "streamlit",
)
SIGNED_IN = ("model-sync",)  # starts when MLflow has its users
# Nobody waits for these: they start when the rest answers, and a build does not fail without them.
MONITORING = ("evidently-service", "evidently-ui")
LAST = (*MONITORING, *observability.PROGRAMS)
EVERYTHING = ("postgres", *WITHOUT_AIRFLOW, *AIRFLOW, *SIGNED_IN)
# Folders of LOCAL_DIR for our own user; PostgreSQL, which may be another one, has its beside them.
PRIVATE = ("airflow", "data", "evidently", "logs", "mlflow-artifacts", "model", "outbox", "run")
STOP_SECONDS = 120  # longer than every stopwaitsecs of supervisord.conf
DEAD_STATES = ("EXITED", "FATAL", "UNKNOWN")


class StackError(RuntimeError):
    """A process did not start; the message names it and has the end of its log."""


def start(settings: Settings, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Start all processes in the order of their dependencies and wait until all of them answer.

    Raises StackError when a process ends or is not healthy in time.
    """
    local = Path(settings.local_dir)
    for folder in (local / "run", Path(settings.log_dir), Path(settings.data_root)):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (local / name for name in PRIVATE):
        if folder.exists():
            folder.chmod(0o700)  # an earlier version left it open to other users
    programs.write_environments(settings, environ)
    command = [VENV / "bin" / "supervisord", "-c", ROOT / "supervisord.conf"]
    own = programs.supervisor_environment(settings, environ)
    subprocess.run(command, env=own, cwd=ROOT, check=True)
    _settings_file(settings).touch(mode=0o600)  # an address may hold a password
    _settings_file(settings).write_text(str(settings), encoding="utf-8")
    _wait_until(lambda: is_running(settings), 20, "supervisord")
    launch(settings, "postgres")
    try:
        created = postgres.create_databases(settings)
    except psycopg2.OperationalError as error:
        raise did_not_start(settings, "postgres") from error
    except RolesError as error:
        raise StackError(str(error)) from error
    say("PostgreSQL answers")
    launch(settings, *WITHOUT_AIRFLOW)
    own = programs.environment_of("airflow-api-server", settings, environ)
    migrate_airflow(settings, own, new="airflow" in created)
    launch(settings, *AIRFLOW)
    wait_healthy(settings, say)


def migrate_airflow(settings: Settings, environ: Mapping[str, str], new: bool) -> None:
    """Create or upgrade Airflow's tables; skipped (10 s) if this Airflow version did it before.

    Raises StackError with the end of its log.
    """
    version_file = Path(settings.local_dir) / "airflow" / "migrated-by.txt"
    installed = version("apache-airflow-core")
    migrated_by = version_file.read_text(encoding="utf-8") if version_file.exists() else ""
    if not new and migrated_by == installed:
        return
    log = Path(settings.log_dir) / "airflow-db-migrate.log"
    with log.open("w", encoding="utf-8") as file:
        command = [VENV / "bin" / "airflow", "db", "migrate"]
        completed = subprocess.run(
            command, env=dict(environ), cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if completed.returncode:
        raise StackError(f"airflow db migrate failed; {log} ends:\n{tail(log)}")
    version_file.write_text(installed, encoding="utf-8")


def admit_users(settings: Settings) -> None:
    """Make MLflow's users and its webhook to the service. Raises StackError."""
    passwords = {user: variables.mlflow_password(settings, user) for user in users.USERS}
    password = variables.mlflow_password(settings, users.ADMINISTRATOR)
    url, secret = variables.webhook_url(settings), variables.webhook_secret(settings)
    try:
        with users.Administrator(variables.own_mlflow(settings), password) as mlflow:
            users.make_users(mlflow, passwords)
            users.register_webhook(mlflow, url, secret)
    except users.AccessError as error:
        raise StackError(str(error)) from error


def health_addresses(settings: Settings) -> dict[str, str]:
    """The address of each process's health check."""
    return {
        "mlflow": f"{variables.own_mlflow(settings)}/health",
        "service": f"{settings.service_url}/health",
        "streamlit": f"{settings.streamlit_url}/_stcore/health",
        "airflow-api-server": f"{settings.airflow_url}/api/v2/monitor/health",
    }


def wait_healthy(settings: Settings, say: Callable[[str], None], timeout: float = 300) -> None:
    """Wait until every health check answers 200. Raises StackError for the first that does not."""
    waiting = health_addresses(settings)
    deadline = time.monotonic() + timeout
    while waiting:
        for name in [name for name, address in waiting.items() if answers(address)]:
            if name == "mlflow":
                admit_users(settings)
                launch(settings, *SIGNED_IN)
            say(f"{name} answers")
            del waiting[name]
        dead = [
            row["name"]
            for row in processes(settings)
            if row["statename"] in DEAD_STATES and row["name"] not in LAST
        ]
        if dead or (waiting and time.monotonic() > deadline):
            raise did_not_start(settings, (dead or list(waiting))[0])
        time.sleep(0.3)


def launch_last(settings: Settings, say: Callable[[str], None]) -> None:
    """Start those of LAST that can start, and say why the others cannot."""
    running = {r["name"] for r in processes(settings) if r["statename"] in ("RUNNING", "STARTING")}
    can_start = (*MONITORING, *observability.startable(settings))
    launch(settings, *(name for name in can_start if name not in running))
    for name, sentence in observability.taken_ports(settings):
        if name not in running:
            say(sentence)


def did_not_start(settings: Settings, name: str) -> StackError:
    """The error to raise, with the end of the process's log."""
    log = Path(settings.log_dir) / f"{name}.log"
    return StackError(f"{name} did not start; {log} ends:\n{tail(log)}")


def stop(settings: Settings) -> int:
    """End supervisord and its processes, and the processes that a killed supervisord left behind.

    Returns the number of processes that had to be ended one by one.
    """
    pidfile = Path(settings.local_dir) / "run" / "supervisord.pid"
    if not pidfile.exists():
        return 0
    session = int(pidfile.read_text(encoding="utf-8"))
    if is_running(settings):
        end_all_at_once(settings)
        _wait_until(lambda: not psutil.pid_exists(session), STOP_SECONDS, "the end of supervisord")
    left_over = session_members(session, settings)
    for process in left_over:
        process.send_signal(signal.SIGTERM)
    for process in psutil.wait_procs(left_over, timeout=10)[1]:
        process.kill()
    psutil.wait_procs(left_over, timeout=5)
    for path in (pidfile, pidfile.with_name("supervisor.sock")):
        path.unlink(missing_ok=True)
    programs.remove_environments(settings)
    return len(left_over)


def end_all_at_once(settings: Settings) -> None:
    """End all processes but PostgreSQL at the same time; supervisord's shutdown is sequential."""
    for row in processes(settings):
        if row["statename"] in ("RUNNING", "STARTING") and row["name"] != "postgres":
            supervisor(settings).stopProcess(row["name"], False)
    supervisor(settings).shutdown()


def session_members(session: int, settings: Settings) -> list[psutil.Process]:
    """Live processes of supervisord's session that work in the project's folder or LOCAL_DIR."""
    folders = (str(ROOT), settings.local_dir)
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.cwd().startswith(folders):
                members.append(process)
        except (ProcessLookupError, psutil.Error):
            continue  # it has ended in the meantime
    return members


def is_running(settings: Settings) -> bool:
    """Whether this LOCAL_DIR's supervisord answers."""
    try:
        return supervisor(settings).getState()["statename"] == "RUNNING"
    except (OSError, HTTPException):
        return False


def same_settings(settings: Settings) -> bool:
    """Whether the running processes have these settings."""
    path = _settings_file(settings)
    return path.exists() and path.read_text(encoding="utf-8") == str(settings)


def processes(settings: Settings) -> list[dict]:
    """supervisord's description of each process: name, statename, description and more."""
    return supervisor(settings).getAllProcessInfo()


def launch(settings: Settings, *names: str) -> None:
    """Ask supervisord to start processes, without waiting; running ones stay as they are."""
    for name in names:
        try:
            supervisor(settings).startProcess(name, False)
        except Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"{name}: {fault.faultString}") from fault


def supervisor(settings: Settings):
    """supervisord's remote interface."""
    socket = f"unix://{settings.local_dir}/run/supervisor.sock"
    return ServerProxy("http://supervisor", SupervisorTransport(None, None, socket)).supervisor


def answers(address: str) -> bool:
    """Whether a GET of `address` is answered with 200."""
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError, HTTPException):
        return False


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log file, or "(no log file)"."""
    if not path.exists():
        return "(no log file)"
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _settings_file(settings: Settings) -> Path:
    return Path(settings.local_dir) / "run" / "settings.txt"


def _wait_until(condition: Callable[[], bool], timeout: float, description: str) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"waited {timeout:.0f} s in vain for {description}")
        time.sleep(0.1)
