"""Incidents of DAG runs: open from a failed run until a later run of the same DAG succeeds.

evidently-service sends them to people like its own.
"""

from urllib.parse import quote

from vehicle_price.prediction_log.database import address_of, connected, translated
from vehicle_price.prediction_log.incidents import Incident, open_incident, resolve_incident
from vehicle_price.settings import Settings

DAG_RUN_FAILED = "dag_run_failed"  # the rule; its channel is the DAG's name
SECONDS = 10.0  # for an answer of the database


def run_failed(settings: Settings, dag_id: str, run_id: str, task_id: str) -> None:
    """Open the incident of a DAG, or renew the open one, which people are not told of again.

    task_id: the task that failed last; "" if none did. Raises DatabaseUnavailable.
    """
    page = f"{settings.airflow_page_url}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
    where = f" in the task {task_id}" if task_id else ""
    message = (
        f"a run of {dag_id} failed{where}, after all attempts: {page}. Its log names the cause; "
        "when that is repaired, clear the failed tasks on this page or start the DAG again"
    )
    details = {"run_id": run_id, "task": task_id}
    address = address_of(settings)
    with connected(address, SECONDS) as connection, translated(address):
        open_incident(connection, Incident(DAG_RUN_FAILED, dag_id, "warn", message, details))


def run_succeeded(settings: Settings, dag_id: str) -> None:
    """Resolve the open incident of a DAG, if there is one. Raises DatabaseUnavailable."""
    address = address_of(settings)
    with connected(address, SECONDS) as connection, translated(address):
        resolve_incident(connection, DAG_RUN_FAILED, dag_id)
