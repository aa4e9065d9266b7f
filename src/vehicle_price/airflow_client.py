"""Start training in Airflow and ask how it goes, over its REST API."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import requests

DAG_ID = "train_vehicle_price"
TIMEOUT_SECONDS = (2, 10)  # connect, read


class TrainingUnavailable(RuntimeError):
    """Airflow does not answer as it should; the message says what to do."""


class UnknownRun(LookupError):
    """There is no training run with this id."""


class Trainer(Protocol):
    """What /train needs; `Airflow` is one."""

    def start(self, conf: Mapping[str, object]) -> str:
        """Start a run with these parameters of the DAG; its id."""

    def status(self, run_id: str) -> dict[str, object]:
        """State and tasks of a run."""


class Airflow:
    """Airflow's API as one user. Signs in when it has to; holds no connection.

    installed: the DAG's parameters as this installation sets them, such as where listings come
    from. A client of the service may override some; Airflow's own defaults are for its form.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password_file: str | Path,
        installed: Mapping[str, object] | None = None,
    ) -> None:
        self.url, self.username, self.password_file = url.rstrip("/"), username, password_file
        self.installed = dict(installed or {})
        self._token = ""

    def start(self, conf: Mapping[str, object]) -> str:
        """Start the DAG with `conf`; the new run's id. Raises TrainingUnavailable."""
        run_id = f"service-{uuid.uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": self.installed | dict(conf)}
        self._call("POST", "/dagRuns", body)
        return run_id

    def status(self, run_id: str) -> dict[str, object]:
        """State, times and tasks of the run. Raises UnknownRun, TrainingUnavailable."""
        path = f"/dagRuns/{quote(run_id, safe='')}"
        run = self._call("GET", path)
        tasks = self._call("GET", f"{path}/taskInstances")["task_instances"]
        return {
            "run_id": run_id,
            "state": run["state"],
            "started": run.get("start_date"),
            "ended": run.get("end_date"),
            "tasks": [_task(task) for task in tasks],
        }

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        self._token = self._token or self._sign_in()
        answer = self._send(method, path, body)
        if answer.status_code in (401, 403):  # too old, or from before Airflow's restart
            self._token = self._sign_in()
            answer = self._send(method, path, body)
        if answer.status_code == 404 and path != "/dagRuns":
            raise UnknownRun(path)
        return self._json(answer)

    def _send(self, method: str, path: str, body: object) -> requests.Response:
        address = f"{self.url}/api/v2/dags/{DAG_ID}{path}"
        return self._request(method, address, body, {"Authorization": f"Bearer {self._token}"})

    def _sign_in(self) -> str:
        body = {"username": self.username, "password": self._password()}
        answer = self._request("POST", f"{self.url}/auth/token", body, {})
        return str(self._json(answer).get("access_token", ""))

    def _password(self) -> str:
        try:
            return json.loads(Path(self.password_file).read_text(encoding="utf-8"))[self.username]
        except (OSError, ValueError, KeyError) as error:
            detail = f"no password for Airflow's user {self.username} in {self.password_file}"
            raise TrainingUnavailable(f"{detail}; Airflow writes it when it starts") from error

    def _request(
        self, method: str, address: str, body: object, headers: dict[str, str]
    ) -> requests.Response:
        try:
            with requests.Session() as session:
                session.trust_env = False  # neither a proxy nor .netrc stands in between
                return session.request(
                    method, address, json=body, headers=headers, timeout=TIMEOUT_SECONDS
                )
        except requests.RequestException as error:
            detail = f"Airflow at {self.url} does not answer ({type(error).__name__})"
            raise TrainingUnavailable(f"{detail}; `make status` shows what runs") from error

    def _json(self, answer: requests.Response) -> dict[str, Any]:
        try:
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:  # a wrong status, or no JSON
            detail = f"Airflow at {self.url} answered {answer.status_code}"
            raise TrainingUnavailable(f"{detail}: {answer.text[:200]}") from error


def _task(task: Mapping[str, object]) -> dict[str, object]:
    index = task.get("map_index", -1)
    mapped = {} if index == -1 else {"map_index": index}
    return {"task": task["task_id"], **mapped, "state": task["state"]}
