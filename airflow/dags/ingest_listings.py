"""Airflow DAG `ingest_listings`: read a source, check and store its listings, update the asset."""

from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable, Metadata, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from contract_report import add_contract_report_task, ingest_and_keep_report
from listings_form import (
    LISTINGS,
    SAMPLE_LISTINGS,
    TRAINING_DATASET,
    day_params,
    ingest_arguments,
    listing_params,
)
from run_defaults import LONG_TIMEOUT, run_defaults

from vehicle_price.names import REAL, SAMPLE, market_of
from vehicle_price.settings import Settings

TRAININGS = 100  # that are looked through, the newest first


@dag(
    # Midnight in UTC, so that a backfill includes both --from-date and --to-date. Missed nights are
    # not caught up.
    schedule=CronTriggerTimetable("0 0 * * *", timezone="UTC"),
    max_active_runs=1,
    tags=["vehicle-price", "data"],
    **run_defaults(),
    params=listing_params() | day_params(),
)
def ingest_listings():
    """
    ### Read listings, store the accepted ones, quarantine the others with reasons

    Rows that break the contract go to quarantine with their reasons. Accepted rows join the store
    under their own posting day, also when they arrive late; rows that the store has already change
    nothing. The dataset is named after a hash of its content.

    The **contract report** of each run is in MLflow, also when a threshold of the contract stopped
    the run; the task `contract_report` has a button that leads there.

    The last task updates the asset **listings** (**sample_listings** for the built-in sample),
    which starts `train_vehicle_price` on the dataset. The nightly run reads the source in the
    settings; it updates the asset only for a dataset that no training has taken yet.

    **Backfill**: `airflow backfill create --dag-id ingest_listings --from-date 2021-04-04 --to-date
    2021-04-28` ingests one posting day per run and trains nothing. `--dag-run-conf '{"source":
    "file", "data": "/path"}'` names another source.
    """

    @task(execution_timeout=LONG_TIMEOUT)
    def ingest() -> dict:
        """Merge the listings into the store; returns the dataset's address and counts."""
        arguments = ingest_arguments(Settings.from_environment(), get_current_context())
        return ingest_and_keep_report(arguments)

    @task(inlets=[TRAINING_DATASET], outlets=[LISTINGS])
    def announce(dataset: dict):
        """Update the asset `listings`, so that training starts; skipped when there is no reason to
        train."""
        yield event_of(LISTINGS, dataset, REAL, get_current_context())

    @task(inlets=[TRAINING_DATASET], outlets=[SAMPLE_LISTINGS])
    def announce_sample(dataset: dict):
        """Update the asset `sample_listings` likewise; skipped for real listings."""
        yield event_of(SAMPLE_LISTINGS, dataset, SAMPLE, get_current_context())

    dataset = ingest()
    add_contract_report_task(dataset)
    announce(dataset)
    announce_sample(dataset)


def event_of(asset: Asset, dataset: dict, market: str, context: Mapping[str, Any]) -> Metadata:
    """The event of an asset for listings of `market`. Raises AirflowSkipException for others, and
    when there is no reason to train."""
    if market_of(dataset["provenance"]["source"]) != market:
        raise AirflowSkipException(f"these are no {market} listings")
    run_type = context["dag_run"].run_type
    if run_type == "backfill":
        raise AirflowSkipException("backfill: start train_vehicle_price when it is complete")
    # Not the count of new listings: that is 0 in a second attempt, and for a changed listing.
    trainings = context["inlet_events"][TRAINING_DATASET].ascending(False).limit(TRAININGS)
    if run_type == "scheduled" and is_trained(dataset["sha256"], trainings):
        raise AirflowSkipException("a training has taken this dataset already")
    return Metadata(asset, extra=dataset)


def is_trained(sha256: str, trainings: Iterable[Any]) -> bool:
    """Whether one of these events of TRAINING_DATASET names the dataset with this hash. An event
    that a person makes on the asset's page names none."""
    return any((event.extra or {}).get("sha256") == sha256 for event in trainings)


ingest_listings()
