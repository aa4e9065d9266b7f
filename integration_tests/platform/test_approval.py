"""A retraining that monitoring asks for, and a person decides about on Airflow's page."""

import pytest

from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_runs import TRAIN
from setup.native.environment import settings_from
from setup.runtime.training_run import connect
from vehicle_price.airflow_client import APPROVAL_DAG_ID, UnknownRun

TASK = "approve"
CAUSE = {"causes": "bias 0.212, 0.003 at the gate, beyond 0.050", "price_shift": 0.2}


@pytest.fixture(name="ask")
def _ask(platform, airflow, page):
    """Ask whether to retrain, as monitoring does, and press a button on the address that its
    incident names.

    Airflow 3.3.2 loses an answer that comes before its scheduler has heard that the process which
    asked has ended, and asks again in a second try; a person then answers again.
    """
    client = connect(settings_from(platform.environ))

    def wait_for_question(run_id: str, number: int) -> bool:
        """Wait for the question of this try, or for the end of the task; whether it asks."""
        wait_until(lambda: task(run_id) in (("awaiting_input", number), ("success", number - 1)))
        return task(run_id)[0] == "awaiting_input"

    def task(run_id: str) -> tuple[str, int]:
        found = airflow.get(APPROVAL_DAG_ID, run_id, f"/taskInstances/{TASK}")
        return found["state"], found["try_number"]

    def ask(run_id: str, button: str) -> None:
        client.start(CAUSE | {"run_id": run_id}, run_id, APPROVAL_DAG_ID)
        run = f"{platform.airflow_url}/dags/{APPROVAL_DAG_ID}/runs/{run_id}"
        number = 1
        while wait_for_question(run_id, number):
            page.decide(f"{run}/tasks/{TASK}/required_actions", button)
            number += 1

    return ask


def test_an_approval_starts_the_training_with_the_size_of_the_jump(airflow, ask):
    ask("to-approve", "Approve")
    assert airflow.final_state(APPROVAL_DAG_ID, "to-approve") == "success"
    training = airflow.get(TRAIN, "to-approve")
    airflow.cancel(TRAIN, "to-approve")
    assert training["conf"] == {"price_shift": 0.2}


def test_a_rejection_starts_nothing(airflow, ask):
    ask("to-reject", "Reject")
    assert airflow.final_state(APPROVAL_DAG_ID, "to-reject") == "success"
    with pytest.raises(UnknownRun):
        airflow.get(TRAIN, "to-reject")
