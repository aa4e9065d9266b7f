"""Print facts of the DAGs in airflow/dags as JSON. test_dags.py runs it in a fresh process."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

DAGS = Path(__file__).resolve().parents[2] / "airflow" / "dags"
HEAVY = ("pandas", "numpy", "xgboost", "sklearn", "mlflow", "matplotlib")


def facts_of_task(task) -> dict:
    """The facts of a task that the tests check."""
    return {
        "doc": task.python_callable.__doc__ if hasattr(task, "python_callable") else task.doc_md,
        "trigger": task.trigger_rule.value,
        "links": [link.name for link in task.operator_extra_links],
        "owner": task.owner,
        "retries": task.retries,
        "delay": task.retry_delay.total_seconds(),
        "longest_delay": task.max_retry_delay.total_seconds(),
        "growth": task.retry_exponential_backoff,
        "timeout": task.execution_timeout and task.execution_timeout.total_seconds(),
        "inlets": [asset.name for asset in task.inlets],
        "outlets": [asset.name for asset in task.outlets],
        "downstream": sorted(task.downstream_task_ids),
        "mapped": task.is_mapped,
    }


def facts_of_dag(dag) -> dict:
    """The facts of a DAG that the tests check."""
    params = {name: dag.params.get_param(name) for name in dag.params}
    return {
        "doc": dag.doc_md,
        "callbacks": [dag.on_failure_callback.__name__, dag.on_success_callback.__name__],
        "tags": sorted(dag.tags),
        "cron": getattr(dag.schedule, "expression", None),
        "assets": sorted(asset.name for asset in getattr(dag.schedule, "objects", [])),
        "params": {
            name: {"value": p.value if p.has_value else None, **p.schema}
            for name, p in params.items()
        },
        "described": {name: p.description for name, p in params.items()},
        "tasks": {task.task_id: facts_of_task(task) for task in dag.tasks},
    }


def retry_facts(policy) -> dict:
    """Fault → what the policy of a task with 5 retries decides: in the first attempt, in the third,
    in the fifth, and in the third after a person has cleared the task."""
    from vehicle_price.contract.thresholds import ContractBroken
    from vehicle_price.prediction_log.errors import DatabaseUnavailable
    from vehicle_price.sources.base import SourceError, SourceUnavailable
    from vehicle_price.storage.errors import StorageError, StorageUnavailable

    wrapped = StorageError("unreadable")
    wrapped.__cause__ = StorageUnavailable("503")
    faults = {
        "source away": SourceUnavailable("x"),
        "store away": StorageUnavailable("x"),
        "store away, wrapped": wrapped,
        "database away": DatabaseUnavailable("x"),
        "wrong source": SourceError("x"),
        "wrong store": StorageError("x"),
        "contract": ContractBroken.__new__(ContractBroken),
        "unknown": KeyError("x"),
        "too long": AirflowTaskTimeout(),
    }
    attempts = ((1, 5), (3, 5), (5, 5), (9, 11))  # number of the attempt, of the last retry
    return {
        name: [policy.evaluate(fault, *attempt).action.value for attempt in attempts]
        for name, fault in faults.items()
    }


class FakeEvents(list):
    """The events of an asset, as a task finds them."""

    def ascending(self, up: bool) -> "FakeEvents":
        """Ordered by time."""
        return self if up else FakeEvents(reversed(self))

    def limit(self, count: int) -> "FakeEvents":
        """The first ones."""
        return FakeEvents(self[:count])


def announcement_facts() -> dict:
    """Kind of run → which of these datasets it announces: one that no training has taken, one that
    the last training has taken, and one that an earlier training has taken."""
    from ingest_listings import TRAINING_DATASET, event_of

    extras = ({"sha256": "earlier"}, {"sha256": "last"}, None, {})
    events = FakeEvents(SimpleNamespace(extra=extra) for extra in extras)

    def is_announced(kind: str, sha256: str) -> bool:
        context = {
            "dag_run": SimpleNamespace(run_type=kind),
            "inlet_events": {TRAINING_DATASET: events},
        }
        dataset = {"sha256": sha256, "provenance": {"source": "file"}, "batch": {"new": 0}}
        try:
            event = event_of(TRAINING_DATASET, dataset, "real", context)
        except AirflowSkipException:
            return False
        return event.extra == dataset

    kinds = ("scheduled", "manual", "asset_materialization", "backfill")
    return {k: [is_announced(k, sha256) for sha256 in ("new", "last", "earlier")] for k in kinds}


def main() -> None:
    """Parse the folder as the DAG processor does."""
    sys.path.insert(0, str(DAGS))  # Airflow puts the bundle's folder there
    before = set(sys.modules)
    bag = DagBag(DAGS)
    heavy = [name for name in HEAVY if name in set(sys.modules) - before]
    dags = {name: facts_of_dag(dag) for name, dag in bag.dags.items()}
    seconds = sum(stat.duration.total_seconds() for stat in bag.dagbag_stats)
    facts = {"errors": bag.import_errors, "heavy": heavy, "seconds": seconds, "dags": dags}
    facts["files"] = {stat.file: stat.dag_num for stat in bag.dagbag_stats}
    facts["retries"] = retry_facts(bag.dags["train_vehicle_price"].get_task("train").retry_policy)
    facts["announced"] = announcement_facts()
    sys.stdout.write("\n" + json.dumps(facts))


if __name__ == "__main__":
    main()
