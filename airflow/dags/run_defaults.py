"""For all DAGs: what is tried again, how long a task may take, who is told of a failed run."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from vehicle_price.settings import Settings
from vehicle_price.transient import is_transient

LONGEST_DELAY = timedelta(minutes=10)  # between two attempts
# Attempts after the first one, for a fault that nobody has foreseen.
UNKNOWN_RETRIES = 2
# For what takes minutes at most. A task that takes longer waits for something in vain.
TIMEOUT = timedelta(hours=1)
# For reading a source, which may be a slow download, and for a fit on all of its listings.
LONG_TIMEOUT = timedelta(hours=3)


# `serialize` stays that of the base class, which Airflow does not call: it stores only that a task
# has a policy, and finds the policy again in the DAG's file.
class RecoveryPolicy(RetryPolicy):  # pylint: disable=abstract-method
    """Try again what passes by itself, as often as the task's `retries` allow; wrong input never;
    anything else twice.

    A task whose process was killed is tried again without being asked here.
    retries: those of the task.
    """

    def __init__(self, retries: int) -> None:
        self.retries = retries

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Any = None,
    ) -> RetryDecision:
        """See RetryPolicy. A person who clears a task begins a new count."""
        if is_transient(exception):
            return RetryDecision.retry(reason="The fault may pass by itself.")
        if isinstance(exception, ValueError):
            return RetryDecision.fail("The same input fails again.")
        attempt = self.retries - (max_tries - try_number)
        if attempt > UNKNOWN_RETRIES:
            return RetryDecision.fail(f"It failed {attempt} times.")
        return RetryDecision.default()


def run_defaults() -> dict[str, Any]:
    """The arguments of every DAG: no catching up, the tasks' defaults, and the callbacks.

    The delays double, from TASK_RETRY_SECONDS to LONGEST_DELAY; Airflow lengthens each at random by
    up to its own length.
    """
    settings = Settings.from_environment()
    return {
        "catchup": False,
        "on_failure_callback": open_run_incident,
        "on_success_callback": resolve_run_incident,
        "default_args": {
            "owner": "data-science",
            "retries": settings.task_retries,
            "retry_delay": timedelta(seconds=settings.task_retry_seconds),
            "retry_exponential_backoff": 2,
            "max_retry_delay": LONGEST_DELAY,
            "retry_policy": RecoveryPolicy(settings.task_retries),
            "execution_timeout": TIMEOUT,
        },
    }


def open_run_incident(context: Mapping[str, Any]) -> None:
    """Open the incident of this DAG, or renew it. Airflow's DAG processor calls this once a run has
    failed, after all attempts of its tasks."""
    from vehicle_price.pipelines import run_incidents

    task = context.get("ti")  # None if the run failed without a failed task
    run_incidents.run_failed(
        Settings.from_environment(),
        context["dag"].dag_id,
        context["run_id"],
        task.task_id if task else "",
    )


def resolve_run_incident(context: Mapping[str, Any]) -> None:
    """Resolve the incident of this DAG, if there is one."""
    from vehicle_price.pipelines import run_incidents

    run_incidents.run_succeeded(Settings.from_environment(), context["dag"].dag_id)
