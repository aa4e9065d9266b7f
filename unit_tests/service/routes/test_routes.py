"""The routes other than /predict: who may call them, what they answer, what they refuse."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.outbox import forwarder_status
from service.outbox.outbox import Outbox
from service.routes.train import AIRFLOW_CALLS
from unit_tests.helpers.service_fakes import (
    ADMIN_KEY,
    API_KEY,
    REQUIRED,
    FakeTrainer,
    FakeValuation,
    app_with,
    components_with,
)
from vehicle_price.airflow_client import TrainingUnavailable
from vehicle_price.schema import FEATURES

KEY = {"X-API-Key": API_KEY}


@pytest.fixture(name="app")
def _app(tmp_path):
    return app_with(tmp_path)


@pytest.fixture(name="client")
def _client(app):
    return app.test_client()


def problem(answer, status):
    """The problem in `answer`, after checking that it is one."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    return answer.get_json()


def test_health_says_only_that_the_process_lives(tmp_path):
    answer = app_with(tmp_path, served=False).test_client().get("/health")
    assert answer.get_json() == {"status": "alive"}


def test_ready_makes_a_real_prediction(client, tmp_path):
    assert client.get("/ready").get_json()["example"]["price"] == 20140
    problem(app_with(tmp_path, served=False).test_client().get("/ready"), 503)


def test_ready_and_model_say_whether_the_prediction_log_is_reached(client, tmp_path):
    states = []
    for problem_found in (None, "PostgreSQL (host=db): refused", ""):
        if problem_found is not None:
            forwarder_status.write(tmp_path / "outbox.sqlite", problem_found)
        ready, model = (
            client.get(path).get_json()["prediction_log"] for path in ("/ready", "/model")
        )
        assert ready == model and (problem_found or "") in ready["detail"]
        states.append(ready["state"])
    assert states == ["unknown", "unreachable", "ok"]


def test_model_says_what_serves_and_what_was_refused(client, tmp_path):
    report = {"state": "refused", "version": "8", "detail": "ArtifactError: hash"}
    (tmp_path / "status.json").write_text(json.dumps(report), encoding="utf-8")
    content = client.get("/model").get_json()
    assert (content["name"], content["version"], content["run_id"]) == ("vehicle-price", "7", "abc")
    assert content["registry"] == report
    assert content["facts"]["family"] == "xgboost" and "suggestions" not in content["facts"]


def test_a_metric_that_is_no_number_is_still_json(tmp_path):
    valuation = FakeValuation()
    valuation.facts["mae"] = float("nan")
    body = app_with(tmp_path, valuation=valuation).test_client().get("/model").data
    assert json.loads(body, parse_constant=pytest.fail)["facts"]["mae"] is None


def test_suggestions_are_the_models_of_a_make(client):
    content = client.get("/suggestions?manufacturer=Honda").get_json()
    assert content == {"manufacturer": "honda", "models": ["civic", "accord"]}
    assert client.get("/suggestions?manufacturer=lada").get_json()["models"] == []
    problem(client.get("/suggestions"), 422)


@pytest.mark.parametrize("header", [KEY, {"Authorization": f"Bearer {API_KEY}"}])
def test_training_starts_with_the_key(tmp_path, header):
    trainer = FakeTrainer()
    client = app_with(tmp_path, trainer=trainer).test_client()
    body = {"families": ["xgboost"], "seed": 3}
    answer = client.post("/train", json=body, headers=header)
    assert answer.status_code == 202 and trainer.started == [body]
    assert client.get(answer.get_json()["status_url"]).get_json()["state"] == "running"


def test_only_an_administrator_chooses_another_source(tmp_path):
    trainer = FakeTrainer()
    client = app_with(tmp_path, trainer=trainer).test_client()
    refused = client.post("/train", json={"source": "sample"}, headers=KEY)
    assert "another source than the installation's" in problem(refused, 403)["detail"]
    assert not trainer.started
    headers = {"X-API-Key": ADMIN_KEY}
    assert client.post("/train", json={"source": "sample"}, headers=headers).status_code == 202
    assert trainer.started == [{"source": "sample"}]


def test_training_needs_no_body(tmp_path):
    trainer = FakeTrainer()
    answer = app_with(tmp_path, trainer=trainer).test_client().post("/train", headers=KEY)
    assert answer.status_code == 202 and trainer.started == [{}]


@pytest.mark.parametrize(
    "headers, status",
    [
        ({}, 401),
        ({"X-API-Key": "guess"}, 403),
        ({"X-API-Key": "schlüssel"}, 403),
        ({"Authorization": "Bearer guess"}, 403),
        ({"Authorization": f"Basic {API_KEY}"}, 401),
        ({"Authorization": "Bearer"}, 401),
    ],
)
def test_training_without_the_right_key_is_refused(tmp_path, headers, status):
    trainer = FakeTrainer()
    answer = app_with(tmp_path, trainer=trainer).test_client().post("/train", headers=headers)
    problem(answer, status)
    assert not trainer.started
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    "body, pointer, words",
    [
        ({"data": "/etc/passwd"}, "/data", "a client cannot choose what is read"),
        ({"source": "/etc"}, "/source", "sample"),
        ({"families": []}, "/families", "at least 1"),
        ({"families": ["svm"]}, "/families/0", "xgboost"),
        ({"families": ["xgboost", "xgboost"]}, "/families", "once"),
        ({"seed": True}, "/seed", "integer"),
        ({"seed": -1}, "/seed", "greater"),
        ({"seed": 2**31}, "/seed", "less"),
        ({"sed": 1}, "/sed", "unknown; known are source, families, seed"),
        ([], "", "dictionary"),
    ],
)
def test_parameters_that_training_does_not_take_are_refused(client, body, pointer, words):
    (error,) = problem(client.post("/train", json=body, headers=KEY), 422)["errors"]
    assert error["pointer"] == pointer and words in error["detail"]


def test_without_airflow_training_answers_503_that_names_it(tmp_path):
    class Down(FakeTrainer):
        """Airflow, not running."""

        def start(self, conf):
            raise TrainingUnavailable("Airflow at http://127.0.0.1:8080 does not answer")

    answer = app_with(tmp_path, trainer=Down()).test_client().post("/train", headers=KEY)
    assert "Airflow" in problem(answer, 503)["detail"]


@pytest.mark.parametrize("run_id", ["other", "..", "%2e%2e", "a b", "x" * 300, "service-1%00"])
def test_an_unknown_run_is_404(client, run_id):
    problem(client.get(f"/train/{run_id}"), 404)


def test_the_form_has_an_input_for_every_feature(client):
    page = client.get("/").text
    assert all(f'name="{column.name}"' in page for column in FEATURES)
    assert (
        page.count("<script") == 1
        and "default-src 'self'" in client.get("/").headers["Content-Security-Policy"]
    )


def test_the_form_finds_its_style_and_script(client):
    for name in ("form.css", "form.js", "icon.svg"):
        assert f"/static/{name}" in client.get("/").text
        assert client.get(f"/static/{name}").status_code == 200


def test_the_form_shows_the_price_on_the_same_page(client):
    page = client.get("/", query_string={**REQUIRED, "odometer": "88,000", "model": "civic"}).text
    assert "$20,140" in page and 'value="civic"' in page and 'value="88,000"' in page


def test_the_form_says_by_each_field_what_is_wrong_and_keeps_what_was_typed(client):
    answer = client.get("/", query_string={"year": "1800", "odometer": "far", "model": "civic"})
    assert answer.status_code == 422
    for words in ("1800 is below 1970", "got text", "is required: Make", 'value="far"'):
        assert words in answer.text


def test_the_form_escapes_what_was_typed(client):
    text = '"><script>alert(1)</script>'
    for name in ("model", "manufacturer", "year", "condition"):
        assert "<script>alert" not in client.get("/", query_string={**REQUIRED, name: text}).text


def test_the_form_says_when_no_model_is_loaded(tmp_path):
    answer = app_with(tmp_path, served=False).test_client().get("/", query_string=REQUIRED)
    assert answer.status_code == 503 and "make retrain" in answer.text


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nothing", 404),
        ("GET", "/predict", 405),
        ("POST", "/", 405),
        ("DELETE", "/train", 405),
        ("OPTIONS", "/train", 405),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/keys.py", 404),
    ],
)
def test_unknown_routes_and_methods_are_problems_too(client, method, path, status):
    problem(client.open(path, method=method), status)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([c.name for c in FEATURES]) | st.text(), inner, max_size=5),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(path=st.sampled_from(["/predict", "/train"]), body=JSON | st.binary())
def test_no_body_whatsoever_is_a_server_error(client, path, body):
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = client.post(path, data=data, headers=KEY, content_type="application/json")
    assert answer.status_code < 500
    assert answer.status_code in (200, 202) or answer.content_type == "application/problem+json"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(st.dictionaries(st.sampled_from([c.name for c in FEATURES]), st.text(max_size=30)))
def test_nothing_typed_into_the_form_is_a_server_error(client, typed):
    assert client.get("/", query_string=typed).status_code in (200, 422)


def test_a_head_request_for_a_price_leaves_no_record(client, tmp_path):
    address = "/?year=2014&manufacturer=honda&odometer=88000"
    outbox = Outbox(tmp_path / "outbox.sqlite", 2**24)
    answer = client.head(address)
    assert answer.status_code == 200 and outbox.fill().records == 0
    assert client.get(address).status_code == 200 and outbox.fill().records == 1


def test_a_page_cannot_be_made_to_send_its_form_elsewhere(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy and "base-uri 'none'" in policy


def test_a_lineage_is_not_stored_by_caches(client):
    prediction_id = client.post("/predict", json=REQUIRED).get_json()["prediction_id"]
    answer = client.get(f"/lineage/{prediction_id}", headers={"X-API-Key": API_KEY})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


def test_no_answer_names_a_folder_of_this_machine(tmp_path):
    status = {"state": "refused", "version": "8", "detail": "OSError: /srv/x/a.npz: damaged"}
    (tmp_path / "status.json").write_text(json.dumps(status), "utf-8")
    components = components_with(tmp_path)
    (tmp_path / "forwarder.json").write_text('{"detail": "no /srv/secret/file"}', "utf-8")
    client = app_with(tmp_path, components).test_client()
    for route in ("/ready", "/model"):
        assert "/srv" not in client.get(route).text and "a.npz: damaged" in client.get(route).text
    components.holder.swap(None)
    components.holder.set_unavailable("version 7: OSError('/srv/x/a.npz')")
    answer = client.get("/ready")
    assert answer.status_code == 503 and "/srv" not in answer.text and "a.npz" in answer.text


class RefusingTrainer(FakeTrainer):
    """Airflow as it answers an error."""

    def status(self, run_id):
        """An error with Airflow's own words."""
        raise TrainingUnavailable("Airflow at http://a:1 answered 500", "Traceback of Airflow")


def test_airflows_own_words_go_to_the_log(tmp_path, caplog):
    client = app_with(tmp_path, trainer=RefusingTrainer()).test_client()
    answer = client.get("/train/service-1")
    assert answer.status_code == 503 and "Traceback" not in answer.text
    assert "answered 500" in answer.text and "Traceback of Airflow" in caplog.text


class WaitingTrainer(FakeTrainer):
    """Airflow that does not answer until it is let."""

    def __init__(self):
        super().__init__()
        self.asked, self.answering = threading.Semaphore(0), threading.Event()

    def status(self, run_id):
        """Waits."""
        self.asked.release()
        self.answering.wait(10)
        return super().status(run_id)


def test_so_many_requests_wait_for_airflow_and_others_are_refused(tmp_path):
    trainer = WaitingTrainer()
    app = app_with(tmp_path, trainer=trainer)

    def ask():
        return app.test_client().get("/train/service-1").status_code

    with ThreadPoolExecutor(AIRFLOW_CALLS) as threads:
        waiting = [threads.submit(ask) for _ in range(AIRFLOW_CALLS)]
        for _ in waiting:
            trainer.asked.acquire(timeout=10)  # pylint: disable=consider-using-with
        assert ask() == 503
        trainer.answering.set()
        assert [answer.result() for answer in waiting] == [200] * AIRFLOW_CALLS
    assert ask() == 200
