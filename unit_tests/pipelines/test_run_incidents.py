"""What people are told of a failed DAG run; integration_tests/monitoring/ sends it."""

from contextlib import contextmanager

import pytest

from vehicle_price.pipelines import run_incidents
from vehicle_price.settings import Settings


@pytest.fixture(name="opened")
def _opened(monkeypatch):
    """The incidents that were opened."""
    opened = []

    @contextmanager
    def connected(*_):
        yield None

    monkeypatch.setattr(run_incidents, "connected", connected)
    monkeypatch.setattr(run_incidents, "open_incident", lambda _, one: opened.append(one))
    return opened


@pytest.mark.parametrize(
    ("task", "words"),
    [("ingest", "of ingest_listings failed in the task ingest,"), ("", "ingest_listings failed,")],
)
def test_a_failed_run_is_an_incident_of_its_dag_with_its_page(opened, task, words):
    run_id = "scheduled__2026-01-01T00:00:00+00:00"
    run_incidents.run_failed(Settings(), "ingest_listings", run_id, task)
    (incident,) = opened
    assert (incident.rule, incident.channel) == ("dag_run_failed", "ingest_listings")
    assert words in incident.message and incident.details == {"run_id": run_id, "task": task}
    page = "8080/dags/ingest_listings/runs/scheduled__2026-01-01T00%3A00%3A00%2B00%3A00."
    assert page in incident.message
