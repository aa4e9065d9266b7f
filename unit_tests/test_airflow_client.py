"""The Airflow client against answers as Airflow 3 gives them, without a socket."""

import json

import pytest
import requests

from vehicle_price.airflow_client import AirflowClient, TrainingUnavailable, UnknownRun


class FakeNetwork(requests.adapters.BaseAdapter):
    """Answers requests with a function from a request to (status, body)."""

    def __init__(self, reply):
        super().__init__()
        self.reply, self.requests = reply, []

    def send(self, request, **_):  # pylint: disable=arguments-differ
        """The response to `request`."""
        self.requests.append(request)
        status, body = self.reply(request)
        response = requests.Response()
        response.status_code, response.request, response.url = status, request, request.url
        response._content = json.dumps(body).encode()  # pylint: disable=protected-access
        return response

    def close(self):
        """Nothing to close."""


@pytest.fixture(name="airflow")
def _airflow(tmp_path, monkeypatch):
    """A function that makes a client whose requests `reply` answers."""
    passwords = tmp_path / "passwords.json"
    passwords.write_text('{"admin": "secret"}', encoding="utf-8")

    def make(reply):
        network = FakeNetwork(reply)
        monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: network)
        return AirflowClient("http://airflow:8080/", "admin", passwords), network

    return make


def token_or(then):
    """Replies to a sign-in, and leaves the rest to `then`."""
    return lambda r: (201, {"access_token": "t"}) if r.url.endswith("/auth/token") else then(r)


def test_a_run_is_started_with_its_parameters_and_an_id_of_ours(airflow):
    client, network = airflow(token_or(lambda r: (200, {})))
    run_id = client.start({"seed": 3})
    sign_in, start = network.requests
    assert json.loads(sign_in.body) == {"username": "admin", "password": "secret"}
    assert start.url == "http://airflow:8080/api/v2/dags/train_vehicle_price/dagRuns"
    assert start.headers["Authorization"] == "Bearer t"
    body = {"dag_run_id": run_id, "logical_date": None, "conf": {"seed": 3}}
    assert json.loads(start.body) == body


def test_the_state_of_a_run_lists_its_tasks(airflow):
    tasks = [
        {"task_id": "fit", "map_index": 1, "state": "success"},
        {"task_id": "gate", "map_index": -1, "state": None},
    ]

    def reply(request):
        if request.url.endswith("/taskInstances"):
            return 200, {"task_instances": tasks}
        return 200, {"state": "running", "start_date": "2026-11-22T10:00:00Z", "end_date": None}

    client, _ = airflow(token_or(reply))
    run = client.status("service-1")
    assert (run["state"], run["ended"]) == ("running", None)
    assert run["tasks"] == [
        {"task": "fit", "map_index": 1, "state": "success"},
        {"task": "gate", "state": None},
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_too_old_is_replaced_once(airflow, status):
    refused = iter([status, 200])
    client, network = airflow(token_or(lambda r: (next(refused), {})))
    client.start({})
    assert [r.url.endswith("/auth/token") for r in network.requests] == [True, False, True, False]


def test_any_path_can_be_requested_as_json(airflow):
    client, network = airflow(token_or(lambda r: (200, {"import_errors": []})))
    assert client.request("/api/v2/importErrors") == {"import_errors": []}
    request = network.requests[-1]
    assert (request.method, request.headers["Accept"]) == ("GET", "application/json")
    assert request.url == "http://airflow:8080/api/v2/importErrors"


def test_an_unknown_run_is_named_as_such(airflow):
    client, _ = airflow(token_or(lambda r: (404, {"detail": "not found"})))
    with pytest.raises(UnknownRun):
        client.status("other")


def test_what_a_client_does_not_choose_is_left_to_the_dags_defaults(airflow):
    client, network = airflow(token_or(lambda r: (200, {})))
    client.start({"seed": 3})
    assert json.loads(network.requests[-1].body)["conf"] == {"seed": 3}


def test_a_run_is_changed_with_patch(airflow):
    client, network = airflow(token_or(lambda r: (200, {})))
    client.request("/api/v2/dags/one/dagRuns/1", {"state": "failed"}, method="PATCH")
    assert network.requests[-1].method == "PATCH"


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500, 503])
def test_a_refused_start_is_reported_with_airflows_words(airflow, status):
    client, _ = airflow(token_or(lambda r: (status, {"detail": "no such DAG"})))
    with pytest.raises(TrainingUnavailable, match=f"answered {status}.*no such DAG"):
        client.start({})


def test_airflow_being_down_is_reported_with_its_address(airflow):
    def reply(_):
        raise requests.ConnectionError("refused")

    client, _ = airflow(reply)
    with pytest.raises(TrainingUnavailable, match="http://airflow:8080 does not answer"):
        client.start({})


def test_a_missing_password_file_is_named(tmp_path):
    client = AirflowClient("http://airflow:8080", "admin", tmp_path / "none.json")
    with pytest.raises(TrainingUnavailable, match="none.json"):
        client.start({})
