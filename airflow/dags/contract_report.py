"""For both DAGs: the call that ingests listings, and the task that publishes its report."""

import os
from typing import Any

from airflow.sdk import BaseOperatorLink, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.xcom import XCom

from vehicle_price.settings import Settings

XCOM_KEY = "contract_report"


def ingest_and_keep_report(arguments: dict[str, Any]) -> dict:
    """Call `ingestion.ingest`; the address of its report goes to XCom, for `contract_report`.

    The report's address is kept also when a broken threshold fails the task.
    """
    from vehicle_price.contract.thresholds import ContractBroken
    from vehicle_price.pipelines import ingestion

    instance = get_current_context()["ti"]
    try:
        dataset = ingestion.ingest(Settings.from_environment(), **arguments)
    except ContractBroken as broken:
        instance.xcom_push(XCOM_KEY, broken.uri)
        raise
    instance.xcom_push(XCOM_KEY, dataset["report"])
    return dataset


def add_contract_report_task(ingesting: Any) -> None:
    """Add the task `contract_report` after the task that calls `ingest_and_keep_report`."""
    report = contract_report(ingesting.operator.task_id)
    report.operator.operator_extra_links = (ContractReportLink(),)
    ingesting.operator.set_downstream(report)


@task(trigger_rule="all_done")
def contract_report(ingesting: str) -> str:
    """Publish in MLflow which rows were read, accepted and refused; the button above leads there.

    Skipped when nothing was read.
    """
    os.nice(10)  # nobody waits for the report; the models are being fitted at the same time
    from vehicle_price.pipelines import contract_reports

    report = get_current_context()["ti"].xcom_pull(task_ids=ingesting, key=XCOM_KEY)
    if not report:
        raise AirflowSkipException("no listings were read, so there is nothing to report")
    return contract_reports.publish(Settings.from_environment(), report)


class ContractReportLink(BaseOperatorLink):
    """The button on the page of the task `contract_report`."""

    name = "Contract report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address that the task returned; '' before it has."""
        del operator
        return XCom.get_value(ti_key=ti_key, key="return_value") or ""
