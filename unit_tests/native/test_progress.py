"""The progress display tells each change of a task once."""

from setup.native.training_run import changed, describe, log_line


def _task(state, name="train", index=-1, duration=None, label=None):
    return {
        "task_id": name,
        "map_index": index,
        "state": state,
        "duration": duration,
        "start_date": "2026-01-01" if state else None,
        "rendered_map_index": label,
    }


def test_a_change_is_told_once():
    seen = {}
    assert [t["state"] for t in changed([_task("running")], seen)] == ["running"]
    assert not changed([_task("running")], seen)
    assert [t["state"] for t in changed([_task("success", duration=2.0)], seen)] == ["success"]


def test_waiting_states_are_not_told():
    assert not changed([_task(None), _task("queued", "gate"), _task("scheduled", "prepare")], {})


def test_mapped_tasks_are_told_apart():
    first, second = _task("running", index=0), _task("running", index=1)
    assert len(changed([first, second], {})) == 2


def test_a_retry_is_told_again():
    seen = {}
    states = ("running", "up_for_retry", "running", "failed")
    assert [changed([_task(state)], seen)[0]["state"] for state in states] == list(states)


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
