"""Airflow DAG `train_vehicle_price`: fit every family on one dataset, then the promotion gate."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, BaseOperatorLink, Param, TriggerRule, dag, get_current_context, task
from airflow.sdk.execution_time.xcom import XCom
from contract_report import add_contract_report_task, ingest_and_keep_report
from listings_form import (
    LISTINGS,
    SAMPLE_LISTINGS,
    TEXT_OR_NOTHING,
    TRAINING_DATASET,
    listing_params,
    price_shift_param,
    without_nulls,
)
from run_defaults import LONG_TIMEOUT, run_defaults

from vehicle_price.names import FAMILY_NAMES
from vehicle_price.settings import Settings


@dag(
    schedule=LISTINGS | SAMPLE_LISTINGS,
    max_active_runs=1,
    tags=["vehicle-price", "training"],
    **run_defaults(),
    params={
        "dataset": Param(
            None,
            type=TEXT_OR_NOTHING,
            title="Existing dataset",
            description="Address of a dataset that was ingested before. Empty: ingest the source "
            "below first (or, after `ingest_listings`, take what it stored).",
        ),
        **listing_params(),
        "families": Param(
            list(FAMILY_NAMES),
            type="array",
            items={"type": "string", "enum": list(FAMILY_NAMES)},
            examples=list(FAMILY_NAMES),
            minItems=1,
            uniqueItems=True,
            title="Model families",
            description="Each is fitted on the same rows; the best one challenges production.",
        ),
        **price_shift_param(),
    },
)
def train_vehicle_price():
    """
    ### Train the price models and promote the best one if it is really better

    1. **prepare_dataset** selects the dataset: the one named in the form, the one that
       `ingest_listings` has just stored, or a new one that it ingests; **contract_report** shows
       which rows were accepted and refused.
    2. **train** fits each family, side by side: a twin without the newest days, which is
       measured on them, and a refit on every car, which serves. Both become one version of
       `vehicle-price` in MLflow.
    3. **gate** measures the twins of the new versions and of production on the same test days
       and moves the alias `production` only for an improvement above a margin. Its
       reasons are in its log, in MLflow's tags and in the version's model card; the button
       **Model card** of the task leads there.
    4. **every_family** fails, and the run with it, if a family could not be trained. The gate
       decides on the others all the same, and names it. Clear the failed `train` to repeat both.
    """

    @task(outlets=[TRAINING_DATASET], execution_timeout=LONG_TIMEOUT)
    def prepare_dataset() -> str:
        """Address of the dataset to train on; the asset `training_dataset` keeps its hash."""
        from vehicle_price.storage.dataset import open_dataset

        context = get_current_context()
        uri = selected_dataset(context)
        taken = {"uri": uri, "sha256": open_dataset(uri).sha256}
        context["outlet_events"][TRAINING_DATASET].extra.update(taken)
        return uri

    @task
    def chosen_families() -> list[str]:
        """The families ticked in the form."""
        return get_current_context()["params"]["families"]

    @task(map_index_template="{{ family }}", execution_timeout=LONG_TIMEOUT)
    def train(dataset_uri: str, family: str) -> str:
        """Fit and register one family, once in this run; returns the version's number."""
        from vehicle_price.pipelines import training

        context = get_current_context()
        context["family"] = family
        seed, shift = context["params"]["seed"], context["params"]["price_shift"]
        settings = Settings.from_environment()
        trained = training.train_family(settings, dataset_uri, family, seed, shift)
        return trained["version"]

    @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
    def gate(dataset_uri: str, versions: list[str]) -> dict:
        """Promote the best version if it beats production; returns the decision. A family that
        failed has no version and takes no part."""
        from vehicle_price.pipelines import promotion

        params, settings = get_current_context()["params"], Settings.from_environment()
        families, shift = params["families"], params["price_shift"]
        return promotion.run_gate(settings, dataset_uri, list(versions), shift, families)

    dataset_uri = prepare_dataset()
    add_contract_report_task(dataset_uri)
    versions = train.partial(dataset_uri=dataset_uri).expand(family=chosen_families())
    decision = gate(dataset_uri, versions)
    decision.operator.operator_extra_links = (ModelCardLink(),)
    EmptyOperator(
        task_id="every_family", doc_md="Fails with the run if a family could not be trained."
    ).set_upstream(versions.operator)


class ModelCardLink(BaseOperatorLink):
    """The button on the page of the task `gate`."""

    name = "Model card"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address in the gate's decision; '' before there is one."""
        del operator
        return (XCom.get_value(ti_key=ti_key, key="return_value") or {}).get("card", "")


def selected_dataset(context: Mapping[str, Any]) -> str:
    """Address of the dataset of the form, else of the announcement, else of a new ingest."""
    params = context["params"]
    if params["dataset"]:
        return params["dataset"]
    if announced := announced_dataset(context["triggering_asset_events"]):
        return announced
    return ingest_and_keep_report(without_nulls({n: params[n] for n in listing_params()}))["uri"]


def announced_dataset(events: Mapping[Asset, Sequence[Any]]) -> str | None:
    """The address of the dataset that was announced last.

    None without an announcement: an event that a person makes on the asset's page has no dataset.
    """
    both = [event for asset in (LISTINGS, SAMPLE_LISTINGS) for event in events[asset]]
    announced = [event for event in both if "uri" in (event.extra or {})]
    return max(announced, key=lambda event: event.timestamp).extra["uri"] if announced else None


train_vehicle_price()
