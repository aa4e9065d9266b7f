"""Start the training DAG in Airflow and print the progress of its tasks until the run has ended."""

import time
from collections.abc import Callable, Sequence

from vehicle_price.airflow_client import DAG_ID, ENDED_STATES, AirflowClient, UnknownRun
from vehicle_price.settings import Settings

DAG_PATH = f"/api/v2/dags/{DAG_ID}"
TIMEOUT_SECONDS = (30.0, 30.0)  # Airflow is slow to answer while it starts
POLL_SECONDS = 1.0
SHOWN_STATES = ("running", "up_for_retry", "success", "failed", "upstream_failed", "skipped")


class TrainingFailed(RuntimeError):
    """The run failed; the message has the page of the failed task and the end of its log."""


def connect(settings: Settings) -> AirflowClient:
    """A client of this installation's Airflow."""
    user, password_file = settings.airflow_username, settings.airflow_password_file
    return AirflowClient(settings.airflow_url, user, password_file, timeout=TIMEOUT_SECONDS)


def run(settings: Settings, parameters: dict, say: Callable[[str], None]) -> str:
    """Train through the DAG and report each change of a task; returns the run's id.

    Raises TrainingFailed when the run fails, and TrainingUnavailable.
    """
    airflow = connect(settings)
    wait_for_dag(airflow)
    body = {"logical_date": None, "conf": parameters}
    run_id = airflow.request(f"{DAG_PATH}/dagRuns", body)["dag_run_id"]
    say(f"run {page_url(airflow, run_id)}")
    try:
        watch(airflow, run_id, say)
    finally:  # the gate decides too when a family has failed, and with it the run
        for reason in gate_reasons(airflow, run_id):
            say(f"gate: {reason}")
    return run_id


def gate_reasons(airflow: AirflowClient, run_id: str) -> list[str]:
    """Why the gate of a run decided as it did; [] if it has not decided."""
    path = f"{DAG_PATH}/dagRuns/{run_id}/taskInstances/gate/xcomEntries/return_value"
    try:
        return airflow.request(f"{path}?deserialize=true")["value"]["reasons"]
    except UnknownRun:
        return []


def wait_for_dag(airflow: AirflowClient, timeout: float = 90) -> None:
    """Wait until Airflow has read the DAG. Raises TrainingFailed after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            airflow.request(DAG_PATH)
            return
        except UnknownRun:
            pass
        if time.monotonic() > deadline:
            import_errors = airflow.request("/api/v2/importErrors")["import_errors"]
            text = "\n".join(f"{e['filename']}:\n{e['stack_trace']}" for e in import_errors)
            raise TrainingFailed(f"Airflow does not know {DAG_ID} after {timeout:.0f} s.\n{text}")
        time.sleep(0.5)


def watch(airflow: AirflowClient, run_id: str, say: Callable[[str], None]) -> None:
    """Report each task's changes until the run has ended. Raises TrainingFailed if it failed."""
    last_states: dict[tuple, str] = {}
    path = f"{DAG_PATH}/dagRuns/{run_id}"
    while True:
        state = airflow.request(path)["state"]
        tasks = airflow.request(f"{path}/taskInstances")["task_instances"]
        for task in changed(tasks, last_states):
            say(describe(task))
            if task["state"] == "up_for_retry":
                say(failure(airflow, run_id, task))
        if state in ENDED_STATES:
            break
        time.sleep(POLL_SECONDS)
    if state == "failed":
        failed = [task for task in tasks if task["state"] == "failed"]
        raise TrainingFailed("\n\n".join(failure(airflow, run_id, task) for task in failed))


def changed(tasks: Sequence[dict], last_states: dict[tuple, str]) -> list[dict]:
    """The tasks that started, ended or are retried since the last call; updates `last_states`."""
    changes = []
    for task in sorted(tasks, key=lambda t: t["start_date"] or "~"):
        key = (task["task_id"], task["map_index"])
        if task["state"] != last_states.get(key) and task["state"] in SHOWN_STATES:
            changes.append(task)
        last_states[key] = task["state"]
    return changes


def describe(task: dict) -> str:
    """'train [xgboost]          success    12.3 s'."""
    label = f" [{task['rendered_map_index']}]" if task.get("rendered_map_index") else ""
    has_ended = task["duration"] and task["state"] != "running"
    duration = f"{task['duration']:7.1f} s" if has_ended else ""
    return f"{task['task_id'] + label:<28} {task['state']:<10}{duration}".rstrip()


def failure(airflow: AirflowClient, run_id: str, task: dict, lines: int = 25) -> str:
    """The page of a failed task and the end of its log."""
    path = f"{DAG_PATH}/dagRuns/{run_id}/taskInstances/{task['task_id']}"
    attempt = f"{task['try_number']}?map_index={task['map_index']}"
    events = airflow.request(f"{path}/logs/{attempt}")["content"]
    log_lines = [log_line(event) for event in events]
    log = "\n".join([line for line in log_lines if not line.startswith("::")][-lines:])
    return f"{task['task_id']} failed: {page_url(airflow, run_id, task)}\n{log}"


def page_url(airflow: AirflowClient, run_id: str, task: dict | None = None) -> str:
    """Address of the run's page in Airflow, or of the page of one of its tasks."""
    url = f"{airflow.url}/dags/{DAG_ID}/runs/{run_id}"
    if task is None:
        return url
    mapped = f"/mapped/{task['map_index']}" if task["map_index"] >= 0 else ""
    return f"{url}/tasks/{task['task_id']}{mapped}"


def log_line(event: dict | str) -> str:
    """A structured log event as text, with the exception that it carries."""
    if isinstance(event, str):
        return event
    errors = [f"{e['exc_type']}: {e['exc_value']}" for e in event.get("error_detail") or []]
    return "  ".join([str(event.get("event", "")), *errors])
