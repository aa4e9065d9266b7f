"""An MLflow and an Airflow that are only pretended."""

import json

from integration_tests.monitoring.made_up_log import SERVING
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.airflow_client import APPROVAL_DAG_ID, DAG_ID, UnknownRun
from vehicle_price.monitoring.skew import training_profile
from vehicle_price.registry.client import ModelVersion
from vehicle_price.registry.names import TRAINING_PROFILE

REASONS = {
    "promoted": ["ok: a gain of 12 USD", "ok: no rise with miles"],
    "refused": ["ok: a gain of 12 USD", "refused: dearer with more miles"],
}
METRICS = {"bias": 0.0, "median_ape": 0.2, "interval_coverage": 0.9, "error_per_width": 0.3}


class FakeRegistry:
    """A registry with one version, whose training has the given verdict.

    run_files: name → content of the JSON files of its run. read: the names that were read.
    """

    def __init__(self, verdict=""):
        self.verdict, self.read = verdict, []
        self.run_files = {TRAINING_PROFILE: training_profile(made_up(2_000, seed=77)).to_json()}

    def version(self, alias):
        """The one version, whatever the alias."""
        tags = {"data_span": "2026-01-01 to 2026-03-01", "store": "nowhere"}
        return ModelVersion("vehicle-price", SERVING.version, "run-7", (alias,), tags, METRICS)

    def version_by_number(self, number):
        """The one version."""
        assert number == SERVING.version
        return self.version("production")

    def json_of_run(self, version, name):
        """A JSON file of the version's run."""
        assert version.version == SERVING.version
        self.read.append(name)
        return self.run_files.get(name)

    def started_by(self, _):
        """The version that a training has made, with the gate's verdict, if it has one."""
        if not self.verdict:
            return [self.version("")]
        tags = {"gate": self.verdict, "gate_reasons": json.dumps(REASONS[self.verdict])}
        return [ModelVersion("vehicle-price", "8", "run-8", (), tags, {})]


class FakeAirflow:
    """Keeps the trainings that were started, and the questions whether to start one. state: of all
    runs. gate: the state of its task in all runs; that of the run if it is empty."""

    page_url = "http://airflow"  # what links for people begin with

    def __init__(self):
        self.started, self.questions, self.state, self.gate = {}, {}, "running", ""

    def start(self, conf, run_id, dag_id=DAG_ID):
        """Start a run."""
        self._runs(dag_id)[run_id] = conf

    def status(self, run_id, dag_id=DAG_ID):
        """The state of a run that was started."""
        if run_id not in self._runs(dag_id):
            raise UnknownRun(run_id)
        gate = {"task": "gate", "state": self.gate or self.state}
        return {"state": self.state, "tasks": [gate]}

    def _runs(self, dag_id):
        return {DAG_ID: self.started, APPROVAL_DAG_ID: self.questions}[dag_id]
