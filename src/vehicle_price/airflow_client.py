"""Airflow's REST API: start the training DAG, read the state of its runs."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import requests

DAG_ID, APPROVAL_DAG_ID = "train_vehicle_price", "approve_retraining"
ENDED_STATES = ("success", "failed")
TIMEOUT_SECONDS = (2.0, 10.0)  # connect, read


class TrainingUnavailable(RuntimeError):
    """Airflow does not answer as it should; the message says what to do.

    detail: the message without Airflow's own words, which are for the operator only.
    """

    def __init__(self, detail: str, words: str = "") -> None:
        super().__init__(f"{detail}: {words}" if words else detail)
        self.detail = detail


class UnknownRun(LookupError):
    """Airflow has no training run with this id, or nothing else under this path."""


class Trainer(Protocol):
    """The methods that the route /train needs; `AirflowClient` has them."""

    def start(self, conf: Mapping[str, object]) -> str:
        """Start a run with these parameters of the DAG; returns its id."""

    def status(self, run_id: str) -> dict[str, object]:
        """State and tasks of a run."""


class AirflowClient:
    """Airflow's API as one user. It signs in when needed and keeps no connection open.

    timeout: seconds to connect, and to read. page_url: Airflow's address in links for people, ""
    for the same.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password_file: str | Path,
        timeout: tuple[float, float] = TIMEOUT_SECONDS,
        page_url: str = "",
    ) -> None:
        self.url, self.username, self.password_file = url.rstrip("/"), username, password_file
        self._timeout, self.page_url = timeout, page_url.rstrip("/") or self.url
        self._token = ""

    def start(self, conf: Mapping[str, object], run_id: str = "", dag_id: str = DAG_ID) -> str:
        """Start the DAG with `conf`; returns the new run's id. Raises TrainingUnavailable.

        run_id: "" for a new one.
        """
        run_id = run_id or f"service-{uuid.uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        self.request(f"/api/v2/dags/{dag_id}/dagRuns", body)
        return run_id

    def status(self, run_id: str, dag_id: str = DAG_ID) -> dict[str, object]:
        """State, times and tasks of the run. Raises UnknownRun, TrainingUnavailable."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        run = self.request(path)
        tasks = self.request(f"{path}/taskInstances")["task_instances"]
        return {
            "run_id": run_id,
            "state": run["state"],
            "started": run.get("start_date"),
            "ended": run.get("end_date"),
            "tasks": [_task(task) for task in tasks],
        }

    def request(
        self, path: str, body: Mapping[str, object] | None = None, method: str = "POST"
    ) -> dict[str, Any]:
        """GET a path such as `/api/v2/importErrors`, or send a body to it; returns the JSON.

        method: for a body.

        Raises UnknownRun when a GET finds nothing, else TrainingUnavailable.
        """
        self._token = self._token or self._sign_in()
        response = self._send(path, body, self._token, method)
        if response.status_code in (401, 403):  # expired, or from before Airflow's restart
            self._token = self._sign_in()
            response = self._send(path, body, self._token, method)
        if response.status_code == 404 and body is None:
            raise UnknownRun(path)
        return self._json(response)

    def _sign_in(self) -> str:
        body = {"username": self.username, "password": self._password()}
        return str(self._json(self._send("/auth/token", body)).get("access_token", ""))

    def _password(self) -> str:
        try:
            return json.loads(Path(self.password_file).read_text(encoding="utf-8"))[self.username]
        except (OSError, ValueError, KeyError) as error:
            detail = f"no password for Airflow's user {self.username} in {self.password_file}"
            raise TrainingUnavailable(f"{detail}; Airflow writes it when it starts") from error

    def _send(
        self, path: str, body: Mapping[str, object] | None, token: str = "", method: str = "POST"
    ) -> requests.Response:
        method = "GET" if body is None else method
        headers = {"Accept": "application/json"}  # logs come as lines otherwise
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            with requests.Session() as session:
                session.trust_env = False  # without the proxy and .netrc of the environment
                return session.request(
                    method, self.url + path, json=body, headers=headers, timeout=self._timeout
                )
        except requests.RequestException as error:
            detail = f"Airflow at {self.url} does not answer ({type(error).__name__})"
            raise TrainingUnavailable(f"{detail}; `make status` shows what runs") from error

    def _json(self, response: requests.Response) -> dict[str, Any]:
        try:
            response.raise_for_status()
            return response.json()
        except requests.RequestException as error:  # an error status, or no JSON
            detail = f"Airflow at {self.url} answered {response.status_code}"
            raise TrainingUnavailable(detail, response.text[:200]) from error


def _task(task: Mapping[str, object]) -> dict[str, object]:
    index = task.get("map_index", -1)
    map_index = {} if index == -1 else {"map_index": index}
    return {"task": task["task_id"], **map_index, "state": task["state"]}
