"""Airflow DAG `prune_listings`: remove datasets that nobody needs, and what killed ingests left."""

from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task
from run_defaults import run_defaults

from vehicle_price.settings import Settings


@dag(
    # Hours after the nightly ingest and the training that may follow it.
    schedule=CronTriggerTimetable("0 4 * * *", timezone="UTC"),
    max_active_runs=1,
    tags=["vehicle-price", "data"],
    **run_defaults(),
    params={
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only tell what would be removed: the result of the task `prune`.",
        ),
    },
)
def prune_listings():
    """
    ### Remove datasets that nobody needs

    Each night, as `vehicle-price data prune --yes` does: a dataset goes when a newer one replaced
    it more than `RETENTION_DATASETS_DAYS` ago and no registered version of `vehicle-price` names
    it. The work folders of killed ingests go too, and their files once these are a day old.
    Nothing is removed while MLflow does not answer, nor where `RETENTION_DATASETS_DAYS` is 0. What
    is removed cannot be brought back; **Dry run** in the form only tells.
    """

    @task
    def prune() -> dict:
        """Remove them; returns for each store how many datasets stay and go, and how many files."""
        from vehicle_price.pipelines import pruning

        dry_run = get_current_context()["params"]["dry_run"]
        pruned = pruning.prune_all(Settings.from_environment(), dry_run)
        return {root: counts._asdict() for root, counts in pruned.items()}

    prune()


prune_listings()
