"""For the DAGs about listings: the assets, and the form's fields.

Airflow's page refuses a text field that is empty unless its type allows null, so each field that
may stay empty has the type TEXT_OR_NOTHING.
"""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, Param

from vehicle_price.names import MAX_PRICE_SHIFT, SOURCE_NAMES
from vehicle_price.settings import Settings

# One asset for each store, so that made-up listings never look like new real ones.
LISTINGS = Asset("listings")
SAMPLE_LISTINGS = Asset("sample_listings")
TRAINING_DATASET = Asset("training_dataset")  # an event for each dataset that a training has taken
TEXT_OR_NOTHING = ["null", "string"]


def listing_params() -> dict[str, Param]:
    """Fields `source`, `data`, `rows` and `seed`, in the order of the form.

    Their defaults are the settings of this installation.
    """
    defaults = Settings.from_environment()
    return {
        "source": Param(
            defaults.source,
            enum=list(SOURCE_NAMES),
            title="Source",
            description="Where listings come from. `sample` needs nothing; `file` reads a path.",
        ),
        "data": Param(
            defaults.data or None,
            type=TEXT_OR_NOTHING,
            title="File",
            description="For `file`: path of a CSV, zip, gzip or Parquet file on this machine.",
        ),
        "rows": Param(
            defaults.sample_rows,
            type="integer",
            minimum=1_000,
            maximum=5_000_000,
            title="Rows",
            description="For `sample`: how many listings to generate.",
        ),
        "seed": Param(
            defaults.seed,
            type="integer",
            minimum=0,
            title="Seed",
            description="Fixes the sample, the folds and the models: the same seed and data give "
            "the same result to the last digit.",
        ),
    }


def day_params() -> dict[str, Param]:
    """Fields `since` and `until` of the form."""
    day = {"type": TEXT_OR_NOTHING, "pattern": r"^(\d{4}-\d{2}-\d{2})?$"}
    return {
        "since": Param(
            None,
            **day,
            title="From posting day",
            description="First posting day to read, like 2021-04-04. Empty: from the beginning, or "
            "for `mongodb` from a week before what was read last.",
        ),
        "until": Param(
            None,
            **day,
            title="To posting day",
            description="Last posting day to read, like 2021-04-28. Empty: everything there is.",
        ),
    }


def price_shift_param() -> dict[str, Param]:
    """Field `price_shift` of the form of a training, and of the question whether to train."""
    return {
        "price_shift": Param(
            0.0,
            type="number",
            minimum=-MAX_PRICE_SHIFT,
            maximum=MAX_PRICE_SHIFT,
            title="Shift of prices",
            description="Only if a jump of prices is the cause of the training: the logarithm of "
            "reported price by predicted price, from clients' feedback (0.22 for +25 %). Then the "
            "last days alone decide. Monitoring fills it in.",
        ),
    }


def ingest_arguments(settings: Settings, context: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `ingestion.ingest` for this run.

    A manual run uses the form. A scheduled run and a backfill have no form: they use the settings,
    overridden by the run's configuration. A backfill reads its own posting day, whatever days its
    form names.
    """
    run = context["dag_run"]
    names = (*listing_params(), *day_params())
    if run.run_type not in ("scheduled", "backfill"):
        return without_nulls({name: context["params"].get(name) for name in names})
    arguments = {
        "source": settings.source,
        "data": settings.data,
        "rows": settings.sample_rows,
        "seed": settings.seed,
        "since": "",
        "until": "",
    }
    arguments |= {name: run.conf[name] for name in names if name in (run.conf or {})}
    if run.run_type == "backfill":
        arguments |= dict.fromkeys(day_params(), run.logical_date.date().isoformat())
    return without_nulls(arguments)


def without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` with "" where a field of the form was left empty."""
    return {name: "" if value is None else value for name, value in arguments.items()}
