"""Airflow DAG `promote_version`: put a version into production past the gate, on record."""

from airflow.sdk import Param, dag, get_current_context, task
from decision_form import person_and_reason, reason_param
from run_defaults import run_defaults

from vehicle_price.settings import Settings


@dag(
    schedule=None,
    max_active_runs=1,
    tags=["vehicle-price", "production"],
    **run_defaults(),
    params={
        "version": Param(
            type="integer",
            minimum=1,
            title="Version",
            description="Number of the version of `vehicle-price` in MLflow that shall serve.",
        ),
        **reason_param(),
        "accept_price_jump": Param(
            False,
            type="boolean",
            title="Accept a price jump",
            description="Serve it though its prices are far from those of the model that serves.",
        ),
    },
)
def promote_version():
    """
    ### Put a version into production, past the gate

    The gate of `train_vehicle_price` promotes what is better on later, unseen cars. This DAG is for
    a person who decides otherwise, for example when the gate cannot measure what serves. Who
    started the run and the reason are kept with the version in MLflow (`promoted_by`,
    `promotion_reason`). The service still tries the version before it serves it. The version that
    served becomes `previous`; `roll_back_production` puts it back.
    """

    @task
    def promote() -> str:
        """Move the alias `production`; returns the version."""
        from vehicle_price.pipelines import production

        params = get_current_context()["params"]
        version, jump = str(params["version"]), params["accept_price_jump"]
        production.promote(Settings.from_environment(), version, *person_and_reason(), jump)
        return version

    promote()


promote_version()
