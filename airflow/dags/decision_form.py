"""For the DAGs in which a person moves `production`: the reason, and who started the run."""

from airflow.sdk import Param, get_current_context

MAX_REASON = 500  # characters


def reason_param() -> dict[str, Param]:
    """The field `reason` of the form, which must be filled in."""
    return {
        "reason": Param(
            type="string",
            minLength=1,
            maxLength=MAX_REASON,
            title="Reason",
            description="Why; kept with the version in MLflow, beside the name of who decided it.",
        )
    }


def person_and_reason() -> tuple[str, str]:
    """Who started this run, as Airflow knows them, and the reason that they gave."""
    context = get_current_context()
    run = context["dag_run"]
    person = run.triggering_user_name or "unknown user"
    return f"{person} (Airflow run {run.run_id})", context["params"]["reason"]
