"""Airflow DAG `roll_back_production`: put the previous production version back, on record."""

from airflow.sdk import dag, task
from decision_form import person_and_reason, reason_param
from run_defaults import run_defaults

from vehicle_price.settings import Settings


@dag(
    schedule=None,
    max_active_runs=1,
    tags=["vehicle-price", "production"],
    **run_defaults(),
    params=reason_param(),
)
def roll_back_production():
    """
    ### Put the previous production version back

    The service answers with the version that served before the last promotion, within seconds.
    Who started the run and the reason are kept with that version in MLflow (`promoted_by`,
    `promotion_reason`). Another run of this DAG undoes it: the two versions change places.
    """

    # Two tasks: `roll_back` may be tried again, and does not exchange the versions twice.
    @task
    def plan() -> dict:
        """The version that serves and the one before; fails when only one was ever promoted."""
        from vehicle_price.pipelines import production

        return production.planned_rollback(Settings.from_environment())

    @task
    def roll_back(planned: dict) -> str:
        """Move the alias `production`, unless another decision came in between."""
        from vehicle_price.pipelines import production

        serving, previous = planned["serving"], planned["previous"]
        settings, who_and_why = Settings.from_environment(), person_and_reason()
        production.roll_back_as_planned(settings, serving, previous, *who_and_why)
        return previous

    roll_back(plan())


roll_back_production()
