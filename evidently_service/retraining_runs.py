"""The runs of retrainings in Airflow: start one, or the question whether to; keep how it ended."""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from vehicle_price.airflow_client import (
    APPROVAL_DAG_ID,
    ENDED_STATES,
    AirflowClient,
    TrainingUnavailable,
    UnknownRun,
)
from vehicle_price.prediction_log import incidents
from vehicle_price.prediction_log.database import Connection
from vehicle_price.prediction_log.incidents import Incident, Retraining
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import GATE_REASONS_TAG, GATE_TAG

log = logging.getLogger(__name__)

WAITS_FOR_APPROVAL = "retraining_approval"
GATE = "gate"  # the task of the training whose decision moves `production`


def start(connection: Connection, airflow: AirflowClient, cause: Mapping[str, Any]) -> None:
    """Record a retraining and start it, or the question to a person; nothing while one is open.

    cause: causes, price_shift, serving, needs_approval.
    """
    run_id = f"monitoring-{uuid.uuid4()}"
    if not incidents.open_retraining(connection, cause, run_id):
        return
    log.info("retraining %s starts: %s", run_id, "; ".join(cause["causes"]))
    try:
        _send(airflow, run_id, cause)
    except TrainingUnavailable as error:  # `follow_open` starts it later
        log.warning("%s; the retraining starts when Airflow answers", error)


def follow_open(connection: Connection, airflow: AirflowClient, registry: Registry) -> bool:
    """Keep how the open retraining ended, if it has; whether one is still open.

    Raises TrainingUnavailable and RegistryError: then the retraining stays open.
    """
    latest = incidents.latest_retrainings(connection, 1)
    if not latest or latest[0].state != "open":
        return False
    opened = latest[0]
    try:
        run = airflow.status(opened.dag_run_id)
    except UnknownRun:
        return _follow_without_run(connection, airflow, opened)
    incidents.resolve_incident(connection, WAITS_FOR_APPROVAL, "")
    if run["state"] not in ENDED_STATES:
        return True
    _end(connection, opened, *_outcome(registry, opened, run))
    return False


def _follow_without_run(connection: Connection, airflow: AirflowClient, opened: Retraining) -> bool:
    """The training has no run: a person has not approved it yet, or it was recorded and this
    process or Airflow ended before it started."""
    run_id, cause = opened.dag_run_id, opened.cause
    if not cause.get("needs_approval"):
        _send(airflow, run_id, cause)
        return True
    try:
        state = airflow.status(run_id, APPROVAL_DAG_ID)["state"]
    except UnknownRun:
        _send(airflow, run_id, cause)
        return True
    if state not in ENDED_STATES:
        run = f"{airflow.page_url}/dags/{APPROVAL_DAG_ID}/runs/{run_id}"
        page = f"{run}/tasks/approve/required_actions"
        message = f"a retraining waits for your approval ({'; '.join(cause['causes'])}): {page}"
        incidents.open_incident(connection, Incident(WAITS_FOR_APPROVAL, "", "warn", message, {}))
        return True
    incidents.resolve_incident(connection, WAITS_FOR_APPROVAL, "")
    if state == "success":
        _end(connection, opened, "rejected", "a person did not approve it")
    else:
        _end(connection, opened, "failed", f"{APPROVAL_DAG_ID} failed; its log is in Airflow")
    return False


def _send(airflow: AirflowClient, run_id: str, cause: Mapping[str, Any]) -> None:
    """Start the training, or the DAG that starts it with the same run id if a person agrees."""
    conf = {"price_shift": cause["price_shift"]}
    if cause.get("needs_approval"):
        causes = "; ".join(cause["causes"])
        airflow.start(conf | {"causes": causes, "run_id": run_id}, run_id, APPROVAL_DAG_ID)
    else:
        airflow.start(conf, run_id)


def _end(connection: Connection, opened: Retraining, state: str, outcome: str) -> None:
    incidents.end_retraining(connection, opened.retraining_id, state, outcome)
    log.info("retraining %s: %s, %s", opened.dag_run_id, state, outcome)


def _outcome(registry: Registry, opened: Retraining, run: Mapping[str, Any]) -> tuple[str, str]:
    """State and reasons of an ended run, from the gate's verdict on its versions.

    A run in which one family failed is a failed run, and the gate has decided on the others.
    """
    versions = registry.started_by(opened.dag_run_id)
    verdicts = {version.tags.get(GATE_TAG, ""): version for version in versions}
    verdict = next((name for name in ("promoted", "refused") if name in verdicts), "")
    decided = any(task["task"] == GATE and task["state"] == "success" for task in run["tasks"])
    if not decided or not verdict:
        return "failed", f"the run ended as {run['state']}; its log is in Airflow"
    version = verdicts[verdict]
    reasons = json.loads(version.tags.get(GATE_REASONS_TAG, "[]"))
    return verdict, "; ".join([f"version {version.version}", *_decisive(reasons)])


def _decisive(reasons: Sequence[str]) -> list[str]:
    """Why the gate refused a version, or the first of the reasons why not: the gain."""
    return [reason for reason in reasons if reason.startswith("refused: ")] or list(reasons[:1])
