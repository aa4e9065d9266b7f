"""Airflow DAG `ingest_listings`: read a source, check it, store it, announce the asset."""

from airflow.sdk import Metadata, dag, get_current_context, task
from listings_form import LISTINGS, TASK_DEFAULTS, listing_params

from vehicle_price.settings import Settings


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["vehicle-price", "data"],
    default_args=TASK_DEFAULTS,
    params=listing_params(),
)
def ingest_listings():
    """
    ### Read listings, keep the good ones, say why the others were refused

    Rows that break the contract go to quarantine with their reasons. The stored dataset is named
    after a hash of its content: ingesting the same listings again changes nothing.

    Ends by updating the asset **listings**, which starts `train_vehicle_price` on that dataset.
    """

    @task(outlets=[LISTINGS])
    def ingest():
        """Store one dataset; the asset event carries its address and counts."""
        from vehicle_price import pipeline

        params = get_current_context()["params"]
        dataset = pipeline.ingest(Settings.from_environment(), **params)
        yield Metadata(LISTINGS, extra=dataset)

    ingest()


ingest_listings()
