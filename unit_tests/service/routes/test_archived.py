"""A prediction that has left the log: lineage names the file, and feedback on it is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from unit_tests.helpers.service_fakes import API_KEY, REQUIRED, app_with, components_with
from vehicle_price.prediction_log.errors import PredictionArchived
from vehicle_price.prediction_log.ids import new_id

KEY = {"X-API-Key": API_KEY}
OLD_ID = "01938a7e-0000-7000-8000-123456789000"  # of December 2024
FILE = "predictions/day=2024-12-03/0123456789abcdef.parquet"


class ArchivedLog:
    """A log that has archived every prediction."""

    def find(self, _):
        """The file that has it."""
        raise PredictionArchived([FILE])


@pytest.fixture(name="client")
def _client(tmp_path):
    components = components_with(tmp_path, log=ArchivedLog())
    with_period = replace(components, feedback_period=timedelta(days=365))
    return app_with(tmp_path, with_period).test_client()


def test_lineage_says_that_a_prediction_is_archived_and_where(client):
    answer = client.get(f"/lineage/{OLD_ID}", headers=KEY)
    assert answer.status_code == 410
    problem = answer.get_json()
    assert problem["type"].endswith("prediction-archived")
    assert f"archive/{FILE}" in problem["detail"] and "DATA_ROOT" in problem["detail"]


def test_lineage_of_a_prediction_in_the_outbox_needs_no_archive(client):
    prediction_id = client.post("/predict", json=REQUIRED).get_json()["prediction_id"]
    assert client.get(f"/lineage/{prediction_id}", headers=KEY).status_code == 200


def test_feedback_on_an_old_prediction_is_refused_and_leaves_no_record(client, tmp_path):
    body = {"prediction_id": OLD_ID, "price": 9_900}
    for _ in range(2):  # a retry gets the same answer
        keyed = KEY | {"Idempotency-Key": "report-1"}
        answer = client.post("/feedback", json=body, headers=keyed)
        assert answer.status_code == 410
        assert answer.get_json()["type"].endswith("feedback-over")
        assert "for 365 days" in answer.get_json()["detail"]
    assert components_with(tmp_path).outbox.fill().records == 0
    fresh = {"prediction_id": new_id(), "price": 9_900}
    assert client.post("/feedback", json=fresh, headers=keyed).status_code == 202


def test_without_a_retention_feedback_may_come_at_any_time(tmp_path):
    client = app_with(tmp_path).test_client()
    body = {"prediction_id": OLD_ID, "price": 9_900}
    assert client.post("/feedback", json=body, headers=KEY).status_code == 202
