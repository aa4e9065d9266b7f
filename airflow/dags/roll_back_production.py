"""Airflow DAG `roll_back_production`: put the previous production version back, on record."""

from airflow.sdk import dag, task
from decision_form import person_and_reason, reason_param
from listings_form import TASK_DEFAULTS

from vehicle_price.settings import Settings


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["vehicle-price", "production"],
    default_args=TASK_DEFAULTS,
    params=reason_param(),
)
def roll_back_production():
    """
    ### Put the previous production version back

    The service answers with the version that served before the last promotion, within seconds.
    Who started the run and the reason are kept with that version in MLflow (`promoted_by`,
    `promotion_reason`). Another run of this DAG undoes it: the two versions change places.
    """

    # Two tasks: `roll_back` may be tried again, and still puts the same version back.
    @task
    def find_previous() -> str:
        """The version that served before; fails when only one was ever promoted."""
        from vehicle_price.registry.client import Registry

        return Registry(Settings.from_environment().mlflow_tracking_uri).previous_version()

    @task
    def roll_back(version: str) -> str:
        """Move the alias `production` to that version."""
        from vehicle_price.pipelines import production

        person, reason = person_and_reason()
        production.promote(Settings.from_environment(), version, person, f"rollback: {reason}")
        return version

    roll_back(find_previous())


roll_back_production()
