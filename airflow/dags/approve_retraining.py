"""Airflow DAG `approve_retraining`: a person decides whether monitoring may retrain."""

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Param, dag
from listings_form import price_shift_param
from run_defaults import run_defaults

from vehicle_price.airflow_client import DAG_ID


@dag(
    schedule=None,
    tags=["vehicle-price", "training"],
    **run_defaults(),
    render_template_as_native_obj=True,  # `price_shift` stays a number
    params={
        "causes": Param(
            type="string",
            minLength=1,
            title="Causes",
            description="What asks for a retraining, with figures. Monitoring fills it in.",
        ),
        **price_shift_param(),
        "run_id": Param(
            type="string",
            minLength=1,
            title="Run",
            description="Name of the run of `train_vehicle_price` that an approval starts.",
        ),
    },
)
def approve_retraining():
    """
    ### Decide whether the price models are trained again

    Monitoring starts this DAG, with the setting `RETRAINING=approve`, when prices or requests ask
    for a retraining. The task `approve` waits for a person: its tab **Required Action** shows the
    causes and the buttons. **Approve** starts `train_vehicle_price`, whose gate still decides
    what serves; **Reject** starts nothing. Two refusals, by a person or by the gate, end automatic
    retraining until a version is promoted. If the tab asks again, answer again: Airflow may lose an
    answer that comes within a second of the question.
    """
    approve = ApprovalOperator(
        task_id="approve",
        subject="Train the price models again?",
        body="{{ params.causes }}",
        doc_md="Wait until a person approves or rejects the retraining.",
        execution_timeout=None,  # a person may take days
    )
    train = TriggerDagRunOperator(
        task_id="train",
        trigger_dag_id=DAG_ID,
        trigger_run_id="{{ params.run_id }}",
        conf={"price_shift": "{{ params.price_shift }}"},
        # A second attempt finds the run of the first.
        skip_when_already_exists=True,
        doc_md="Start `train_vehicle_price`.",
    )
    approve.set_downstream(train)


approve_retraining()
