"""A process beside monitoring: looked at, never waited for."""

import sys
import time

from evidently_service.child_process import ChildProcess


def ended(code: str) -> ChildProcess:
    """A process of Python that has run this code."""
    child = ChildProcess((sys.executable, "-c", code))
    child.start()
    wait_for(child)
    return child


def wait_for(child: ChildProcess) -> None:
    """Until the process has ended."""
    while child.is_running():
        time.sleep(0.01)


def test_a_command_that_was_not_started_neither_runs_nor_fails():
    child = ChildProcess((sys.executable, "-c", ""))
    assert not child.is_running() and child.failure() == 0


def test_a_failure_is_told_once():
    child = ended("raise SystemExit(3)")
    assert (child.failure(), child.failure()) == (3, 0)


def test_success_is_no_failure_and_the_command_may_start_again():
    child = ended("")
    assert child.failure() == 0
    child.start()
    wait_for(child)
    assert child.failure() == 0


def test_a_running_process_has_not_failed():
    child = ChildProcess((sys.executable, "-c", "import time; time.sleep(1)"))
    child.start()
    assert child.failure() == 0
    wait_for(child)
