"""Airflow DAG `train_vehicle_price`: fit every family on one dataset, then the promotion gate."""

from airflow.sdk import Param, dag, get_current_context, task
from contract_report import add_contract_report_task, ingest_and_keep_report
from listings_form import LISTINGS, TASK_DEFAULTS, listing_params

from vehicle_price.names import FAMILY_NAMES
from vehicle_price.settings import Settings


@dag(
    schedule=[LISTINGS],
    catchup=False,
    max_active_runs=1,
    tags=["vehicle-price", "training"],
    default_args=TASK_DEFAULTS,
    params={
        "dataset": Param(
            "",
            type="string",
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
    },
)
def train_vehicle_price():
    """
    ### Train the price models and promote the best one if it is really better

    1. **prepare_dataset** selects the dataset: the one named in the form, the one that
       `ingest_listings` has just stored, or a new one that it ingests; **contract_report** shows
       which rows were accepted and refused.
    2. **train** fits one model per family, side by side. Each becomes a run and a version of
       `vehicle-price` in MLflow.
    3. **gate** measures the new versions and today's production model on the same held-out rows
       and moves the alias `production` only for an improvement above a margin. Its
       reasons are in its log, in MLflow's tags and in the artifact `gate.json`.
    """

    @task
    def prepare_dataset() -> str:
        """Address of the dataset to train on."""
        context = get_current_context()
        params = context["params"]
        events = context["triggering_asset_events"][LISTINGS]
        if params["dataset"] or events:
            return params["dataset"] or events[-1].extra["uri"]
        arguments = {name: params[name] for name in ("source", "data", "rows", "seed")}
        return ingest_and_keep_report(arguments)["uri"]

    @task
    def chosen_families() -> list[str]:
        """The families ticked in the form."""
        return get_current_context()["params"]["families"]

    @task(map_index_template="{{ family }}")
    def train(dataset_uri: str, family: str) -> str:
        """Fit and register one family; returns the version's number."""
        from vehicle_price.pipelines import training

        context = get_current_context()
        context["family"] = family
        seed = context["params"]["seed"]
        trained = training.train_family(Settings.from_environment(), dataset_uri, family, seed)
        return trained["version"]

    @task
    def gate(dataset_uri: str, versions: list[str]) -> dict:
        """Promote the best version if it beats production; returns the decision."""
        from vehicle_price.pipelines import promotion

        return promotion.run_gate(Settings.from_environment(), dataset_uri, list(versions))

    dataset_uri = prepare_dataset()
    add_contract_report_task(dataset_uri)
    versions = train.partial(dataset_uri=dataset_uri).expand(family=chosen_families())
    gate(dataset_uri, versions)


train_vehicle_price()
