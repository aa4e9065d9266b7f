"""Print facts of the DAGs in airflow/dags as JSON. test_dags.py runs it in a fresh process."""

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

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
        "outlets": [asset.name for asset in task.outlets],
        "downstream": sorted(task.downstream_task_ids),
        "mapped": task.is_mapped,
    }


def facts_of_dag(dag) -> dict:
    """The facts of a DAG that the tests check."""
    params = {name: dag.params.get_param(name) for name in dag.params}
    return {
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "assets": sorted(asset.name for asset in getattr(dag.schedule, "objects", [])),
        "params": {
            name: {"value": p.value if p.has_value else None, **p.schema}
            for name, p in params.items()
        },
        "described": {name: p.description for name, p in params.items()},
        "tasks": {task.task_id: facts_of_task(task) for task in dag.tasks},
    }


def main() -> None:
    """Parse the folder as the DAG processor does."""
    sys.path.insert(0, str(DAGS))  # Airflow puts the bundle's folder there
    before = set(sys.modules)
    bag = DagBag(DAGS)
    heavy = [name for name in HEAVY if name in set(sys.modules) - before]
    dags = {name: facts_of_dag(dag) for name, dag in bag.dags.items()}
    seconds = sum(stat.duration.total_seconds() for stat in bag.dagbag_stats)
    facts = {"errors": bag.import_errors, "heavy": heavy, "seconds": seconds, "dags": dags}
    sys.stdout.write("\n" + json.dumps(facts))


if __name__ == "__main__":
    main()
