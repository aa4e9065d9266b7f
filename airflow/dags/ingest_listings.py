"""Airflow DAG `ingest_listings`: read a source, check it, store it, announce the asset."""

from airflow.sdk import CronTriggerTimetable, Metadata, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from contract_report import ingested, published
from listings_form import LISTINGS, TASK_DEFAULTS, day_params, listing_params, wanted_listings

from vehicle_price.settings import Settings


@dag(
    # Midnight in UTC, so that --from-date and --to-date of a backfill both count. Nothing is made
    # up for nights gone by.
    schedule=CronTriggerTimetable("0 0 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["vehicle-price", "data"],
    default_args=TASK_DEFAULTS,
    params=listing_params() | day_params(),
)
def ingest_listings():
    """
    ### Read listings, keep the good ones, say why the others were refused

    Rows that break the contract go to quarantine with their reasons. Accepted rows join the store
    under their own posting day, also when they come late; what is known already changes nothing.
    The dataset is named after a hash of its content.

    The **contract report** of each run, also of one that a limit of the contract stopped, is in
    MLflow; the task `contract_report` has a button that leads there.

    Ends by updating the asset **listings**, which starts `train_vehicle_price` on that dataset. The
    run of each night does so only when something new came, and reads what the settings name.

    **Backfill**: `airflow backfill create --dag-id ingest_listings --from-date 2021-04-04 --to-date
    2021-04-28` ingests one posting day per run and trains nothing. `--dag-run-conf '{"source":
    "file", "data": "/path"}'` names another source.
    """

    @task
    def ingest() -> dict:
        """Merge the listings into the store; returns the dataset's address and counts."""
        return ingested(wanted_listings(Settings.from_environment(), get_current_context()))

    @task(outlets=[LISTINGS])
    def announce(dataset: dict):
        """Update the asset, so that training starts; skipped when there is no reason to train."""
        run_type = get_current_context()["dag_run"].run_type
        if run_type == "backfill":
            raise AirflowSkipException("backfill: start train_vehicle_price when it is complete")
        if run_type == "scheduled" and not dataset["batch"]["new"]:
            raise AirflowSkipException("nothing new since the last run")
        yield Metadata(LISTINGS, extra=dataset)

    dataset = ingest()
    published(dataset)
    announce(dataset)


ingest_listings()
