"""Start the DAGs of a running Airflow, and wait for the end of their runs."""

from typing import Any

from integration_tests.helpers.waiting import wait_until
from setup.runtime import training_run
from vehicle_price.settings import Settings

INGEST, TRAIN = "ingest_listings", "train_vehicle_price"
# A busy machine may need so many seconds for a run, which takes an idle one a minute. Pytest ends
# the whole process after 900 s in one test; a shorter wait fails in the line that waited.
RUN_SECONDS = 600
PAUSE = 0.5  # seconds between two looks at a run


class AirflowRuns:
    """The DAG runs of one Airflow, through its REST API."""

    def __init__(self, settings: Settings) -> None:
        self._api = training_run.connect(settings)

    def get(self, dag: str, run_id: str, path: str = "") -> dict:
        """A run of a DAG, or what lies below it: GET …/dagRuns/<run_id><path>."""
        return self._api.request(f"/api/v2/dags/{dag}/dagRuns/{run_id}{path}")

    def task(self, dag: str, run_id: str, task: str) -> dict:
        """A task of a run: its `state`, its `try_number` and more. task: "train/1" for the second
        instance of a mapped task."""
        return self.get(dag, run_id, f"/taskInstances/{task}")

    def fail(self, dag: str, run_id: str, task: str) -> None:
        """End a task as failed, whatever it does now; the run goes on."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}"
        self._api.request(path, {"new_state": "failed"}, method="PATCH")

    def clear(self, dag: str, run_id: str, task: str) -> None:
        """Repeat all instances of a task, and what follows it."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task], "only_failed": False}
        self._api.request(
            f"/api/v2/dags/{dag}/clearTaskInstances", body | {"include_downstream": True}
        )

    def result(self, dag: str, run_id: str, task: str) -> Any:
        """What a task of a run has returned."""
        entry = f"/taskInstances/{task}/xcomEntries/return_value?deserialize=true"
        return self.get(dag, run_id, entry)["value"]

    def start(self, dag: str, form: dict) -> str:
        """Start a run with these values in its form; its id."""
        body = {"logical_date": None, "conf": form}
        return self._api.request(f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"]

    def final_state(self, dag: str, run_id: str) -> str:
        """`success` or `failed`, once the run has ended."""

        def state() -> str:
            return self.get(dag, run_id)["state"]

        wait_until(lambda: state() in ("success", "failed"), RUN_SECONDS, PAUSE)
        return state()

    def run(self, dag: str, form: dict, state: str = "success") -> str:
        """Start a run and wait for its end, which must be `state`; its id."""
        run_id = self.start(dag, form)
        assert self.final_state(dag, run_id) == state
        return run_id

    def cancel(self, dag: str, run_id: str) -> None:
        """End a run, and the tasks that it runs."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run_id}"
        self._api.request(path, {"state": "failed"}, method="PATCH")
        assert self.final_state(dag, run_id) == "failed"

    def runs(self, dag: str) -> list[dict]:
        """All runs of a DAG."""
        return self._api.request(f"/api/v2/dags/{dag}/dagRuns?limit=100")["dag_runs"]

    def trainings(self) -> list[dict]:
        """All runs of the training DAG."""
        return self.runs(TRAIN)

    def ids(self, dag: str) -> set[str]:
        """The ids of all runs of a DAG."""
        return {run["dag_run_id"] for run in self.runs(dag)}

    def new_run(self, dag: str, before: set[str], kind: str = "manual") -> str:
        """Wait for a run of a DAG that is not among `before`; its id.

        kind: the beginning of its id; a nightly run, which midnight may start, is "scheduled".
        """

        def new() -> list[str]:
            return sorted(run for run in self.ids(dag) - before if run.startswith(f"{kind}__"))

        wait_until(lambda: bool(new()), RUN_SECONDS, PAUSE)
        runs = new()
        assert len(runs) == 1, runs
        return runs[0]

    def asset_triggered(self) -> dict[str, set[str]]:
        """Ids of the training runs that ingests triggered → ids of these ingests."""
        runs = [run for run in self.trainings() if run["run_type"] == "asset_triggered"]
        return {run["dag_run_id"]: self._ingests(run["dag_run_id"]) for run in runs}

    def training_after(self, ingest: str) -> str:
        """Wait until an ingest has triggered a training run; the id of that run.

        No other ingest may end while a training runs: Airflow 3 drops its event.
        """
        wait_until(
            lambda: any(ingest in ingests for ingests in self.asset_triggered().values()),
            RUN_SECONDS,
            PAUSE,
        )
        (training,) = [run for run, ingests in self.asset_triggered().items() if ingest in ingests]
        return training

    def dataset_events(self, training: str) -> list[dict]:
        """The datasets that ingests announced, and that triggered a training run."""
        return [event["extra"] for event in self._events(training)]

    def _ingests(self, training: str) -> set[str]:
        return {event["source_run_id"] for event in self._events(training)}

    def _events(self, training: str) -> list[dict]:
        return self.get(TRAIN, training, "/upstreamAssetEvents")["asset_events"]
