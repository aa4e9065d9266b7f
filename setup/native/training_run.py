"""Start the training DAG in Airflow and show each task until the run has ended."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from vehicle_price.settings import Settings

DAG = "train_vehicle_price"
RUN_ENDED = ("success", "failed")
WORTH_TELLING = ("running", "up_for_retry", "success", "failed", "upstream_failed", "skipped")


class TrainingFailed(RuntimeError):
    """The run failed; the message holds the failed task's page and the end of its log."""


class Airflow:
    """Airflow's REST API as the user that may start training."""

    def __init__(self, settings: Settings):
        self.url = settings.airflow_url
        passwords = json.loads(Path(settings.airflow_password_file).read_text(encoding="utf-8"))
        name = settings.airflow_username
        self._token = ""
        login = {"username": name, "password": passwords[name]}
        self._token = self.request("/auth/token", login)["access_token"]

    def request(self, path: str, body: dict | None = None) -> dict:
        """GET, or POST when there is a body. Raises urllib.error.HTTPError for a refusal."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def wait_for_dag(self, timeout: float = 90) -> None:
        """Wait until Airflow has read the DAG. Raises TrainingFailed after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.request(f"/api/v2/dags/{DAG}")
                return
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
            if time.monotonic() > deadline:
                broken = self.request("/api/v2/importErrors")["import_errors"]
                text = "\n".join(f"{e['filename']}:\n{e['stack_trace']}" for e in broken)
                raise TrainingFailed(f"Airflow does not know {DAG} after {timeout:.0f} s.\n{text}")
            time.sleep(0.5)

    def trigger(self, parameters: dict) -> str:
        """Start a run with these values in its form; returns its id."""
        body = {"logical_date": None, "conf": parameters}
        return self.request(f"/api/v2/dags/{DAG}/dagRuns", body)["dag_run_id"]

    def page(self, run_id: str, task: dict | None = None) -> str:
        """Address of the run's page, or of one of its tasks."""
        path = f"{self.url}/dags/{DAG}/runs/{run_id}"
        if task is None:
            return path
        mapped = f"/mapped/{task['map_index']}" if task["map_index"] >= 0 else ""
        return f"{path}/tasks/{task['task_id']}{mapped}"


def run(settings: Settings, parameters: dict, say: Callable[[str], None]) -> str:
    """Train through the DAG, telling each change; returns the run's id.

    Raises TrainingFailed when the run fails.
    """
    airflow = Airflow(settings)
    airflow.wait_for_dag()
    run_id = airflow.trigger(parameters)
    say(f"run {airflow.page(run_id)}")
    watch(airflow, run_id, say)
    path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/gate/xcomEntries/return_value"
    for reason in airflow.request(f"{path}?deserialize=true")["value"]["reasons"]:
        say(f"gate: {reason}")
    return run_id


def watch(airflow: Airflow, run_id: str, say: Callable[[str], None]) -> None:
    """Tell each task's changes until the run has ended. Raises TrainingFailed if it failed."""
    seen: dict[tuple, str] = {}
    path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}"
    while True:
        state = airflow.request(path)["state"]
        tasks = airflow.request(f"{path}/taskInstances")["task_instances"]
        for task in changed(tasks, seen):
            say(describe(task))
            if task["state"] == "up_for_retry":
                say(failure(airflow, run_id, task))
        if state in RUN_ENDED:
            break
        time.sleep(1)
    if state == "failed":
        failed = [task for task in tasks if task["state"] == "failed"]
        raise TrainingFailed("\n\n".join(failure(airflow, run_id, task) for task in failed))


def changed(tasks: Sequence[dict], seen: dict[tuple, str]) -> list[dict]:
    """The tasks that started, ended or are retried since the last call; updates `seen`."""
    news = []
    for task in sorted(tasks, key=lambda t: t["start_date"] or "~"):
        key = (task["task_id"], task["map_index"])
        if task["state"] != seen.get(key) and task["state"] in WORTH_TELLING:
            news.append(task)
        seen[key] = task["state"]
    return news


def describe(task: dict) -> str:
    """'train [xgboost]          success    12.3 s'."""
    label = f" [{task['rendered_map_index']}]" if task.get("rendered_map_index") else ""
    took = f"{task['duration']:7.1f} s" if task["duration"] and task["state"] != "running" else ""
    return f"{task['task_id'] + label:<28} {task['state']:<10}{took}".rstrip()


def failure(airflow: Airflow, run_id: str, task: dict, lines: int = 25) -> str:
    """Page and end of the log of a task that failed."""
    path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task['task_id']}"
    number = f"{task['try_number']}?map_index={task['map_index']}"
    events = airflow.request(f"{path}/logs/{number}")["content"]
    told = [log_line(event) for event in events]
    log = "\n".join([line for line in told if not line.startswith("::")][-lines:])
    return f"{task['task_id']} failed: {airflow.page(run_id, task)}\n{log}"


def log_line(event: dict | str) -> str:
    """One structured log event as text, with the exception it carries."""
    if isinstance(event, str):
        return event
    errors = [f"{e['exc_type']}: {e['exc_value']}" for e in event.get("error_detail") or []]
    return "  ".join([str(event.get("event", "")), *errors])
