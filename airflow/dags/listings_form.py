"""What both DAGs share: the asset, the form's fields about listings, and the tasks' defaults."""

from datetime import timedelta

from airflow.sdk import Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule

from vehicle_price.schema import SOURCE_NAMES
from vehicle_price.settings import Settings

LISTINGS = Asset("listings")
WRONG_INPUT = RetryRule(ValueError, RetryAction.FAIL, reason="The same input fails again.")
TASK_DEFAULTS = {
    "owner": "data-science",
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_policy": ExceptionRetryPolicy([WRONG_INPUT]),
}


def listing_params() -> dict[str, Param]:
    """Fields `source`, `data`, `rows` and `seed`, in the order of the form."""
    defaults = Settings()
    return {
        "source": Param(
            defaults.source,
            enum=list(SOURCE_NAMES),
            title="Source",
            description="Where listings come from. `sample` needs nothing; `file` reads a path.",
        ),
        "data": Param(
            defaults.data,
            type="string",
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
