"""A training run is shown change by change, and a failed one with its page and its log."""

import pytest

from setup.runtime import training_run
from setup.runtime.training_run import (
    TrainingFailed,
    changed,
    describe,
    log_line,
    page_url,
    wait_for_dag,
    watch,
)
from vehicle_price.airflow_client import UnknownRun
from vehicle_price.settings import Settings


def _task(state, name="train", index=-1, duration=None, label=None):
    return {
        "task_id": name,
        "map_index": index,
        "state": state,
        "duration": duration,
        "start_date": "2026-01-01" if state else None,
        "rendered_map_index": label,
    }


def test_a_change_is_reported_once():
    last_states = {}
    assert [t["state"] for t in changed([_task("running")], last_states)] == ["running"]
    assert not changed([_task("running")], last_states)
    assert [t["state"] for t in changed([_task("success", duration=2.0)], last_states)] == [
        "success"
    ]


def test_waiting_states_are_not_reported():
    assert not changed([_task(None), _task("queued", "gate"), _task("scheduled", "prepare")], {})


def test_mapped_tasks_are_distinguished():
    first, second = _task("running", index=0), _task("running", index=1)
    assert len(changed([first, second], {})) == 2


def test_a_retry_is_reported_again():
    last_states = {}
    states = ("running", "up_for_retry", "running", "failed")
    assert [changed([_task(state)], last_states)[0]["state"] for state in states] == list(states)


def test_a_finished_task_is_described_with_its_label_and_duration():
    line = describe(_task("success", index=0, duration=12.34, label="xgboost"))
    assert line.split() == ["train", "[xgboost]", "success", "12.3", "s"]


def test_a_running_task_has_no_duration_yet():
    assert describe(_task("running", duration=0.2)).endswith("running")


def test_an_exception_in_the_log_is_shown_with_its_message():
    event = {
        "event": "Task failed",
        "error_detail": [{"exc_type": "SourceError", "exc_value": "no file a.csv"}],
    }
    assert log_line(event) == "Task failed  SourceError: no file a.csv"


class FakeAirflow:
    """Answers each path with what the test gave it, and other paths as unknown."""

    url = "http://airflow:8080"

    def __init__(self, responses: dict[str, object]) -> None:
        self.responses = responses

    def request(self, path: str, _: object = None) -> object:
        """The response to this path, which ends with one of the keys."""
        for end, response in self.responses.items():
            if path.endswith(end):
                return response
        raise UnknownRun(path)


def test_a_dag_that_airflow_does_not_know_is_reported_with_its_import_error():
    broken = {"import_errors": [{"filename": "a.py", "stack_trace": "SyntaxError"}]}
    airflow = FakeAirflow({"importErrors": broken})
    with pytest.raises(TrainingFailed, match="does not know train_vehicle_price .*\na.py:\nSyntax"):
        wait_for_dag(airflow, timeout=0)
    wait_for_dag(FakeAirflow({"train_vehicle_price": {}}), timeout=0)


def test_a_run_in_which_a_family_failed_shows_what_the_gate_decided(monkeypatch):
    monkeypatch.setattr(training_run, "POLL_SECONDS", 0)
    decision = {"value": {"reasons": ["ok: a gain of 12 USD", "random_forest took no part"]}}
    task = _task("failed", index=1, duration=1.0) | {"try_number": 2}
    answers = {
        "/dags/train_vehicle_price": {},
        "/dagRuns": {"dag_run_id": "r"},
        "dagRuns/r": {"state": "failed"},
        "/taskInstances": {"task_instances": [task]},
        "map_index=1": {"content": []},
    }
    for with_gate in ({}, {"return_value?deserialize=true": decision}):
        airflow = FakeAirflow(answers | with_gate)
        monkeypatch.setattr(training_run, "connect", lambda _, found=airflow: found)
        lines = []
        with pytest.raises(TrainingFailed):
            training_run.run(Settings(), {}, lines.append)
        said = [line for line in lines if line.startswith("gate: ")]
        assert said == (
            ["gate: ok: a gain of 12 USD", "gate: random_forest took no part"] if with_gate else []
        )


def test_a_failed_run_raises_the_page_and_the_log_of_the_failed_task(monkeypatch):
    monkeypatch.setattr(training_run, "POLL_SECONDS", 0)
    task = _task("failed", index=1, duration=1.0) | {"try_number": 2}
    log = {"content": ["::group::Log", {"event": "no file a.csv"}]}
    airflow = FakeAirflow(
        {
            "dagRuns/r": {"state": "failed"},
            "/taskInstances": {"task_instances": [task]},
            "/taskInstances/train/logs/2?map_index=1": log,
        }
    )
    lines = []
    with pytest.raises(TrainingFailed) as error:
        watch(airflow, "r", lines.append)
    assert lines == [describe(task)]
    page = page_url(airflow, "r", task)
    assert str(error.value) == f"train failed: {page}\nno file a.csv"
    assert page.endswith("/dags/train_vehicle_price/runs/r/tasks/train/mapped/1")
