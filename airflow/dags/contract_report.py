"""What both DAGs share about reading listings: do it, and show its contract report."""

from typing import Any

from airflow.sdk import BaseOperatorLink, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.xcom import XCom

from vehicle_price.settings import Settings

KEY = "contract_report"


def ingested(wanted: dict[str, Any]) -> dict:
    """What `ingestion.ingest` returns; for `published`, the address of the report is kept.

    Also when a limit is broken, which fails the task: then the report says most.
    """
    from vehicle_price.contract.thresholds import ContractBroken
    from vehicle_price.pipelines import ingestion

    instance = get_current_context()["ti"]
    try:
        dataset = ingestion.ingest(Settings.from_environment(), **wanted)
    except ContractBroken as broken:
        instance.xcom_push(KEY, broken.uri)
        raise
    instance.xcom_push(KEY, dataset["report"])
    return dataset


def published(after: Any) -> None:
    """Add the task `contract_report` after the task that called `ingested`."""
    reported = contract_report(after.operator.task_id)
    reported.operator.operator_extra_links = (ContractReport(),)
    after.operator.set_downstream(reported)


@task(trigger_rule="all_done")
def contract_report(ingesting: str) -> str:
    """Show in MLflow what came in and what was refused; the button above leads there.

    Skipped when nothing was read.
    """
    from vehicle_price.pipelines import contract_reports

    report = get_current_context()["ti"].xcom_pull(task_ids=ingesting, key=KEY)
    if not report:
        raise AirflowSkipException("no listings were read, so there is nothing to report")
    return contract_reports.publish(Settings.from_environment(), report)


class ContractReport(BaseOperatorLink):
    """The button on the page of `contract_report`."""

    name = "Contract report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """What the task returned; '' before that."""
        del operator
        return XCom.get_value(ti_key=ti_key, key="return_value") or ""
