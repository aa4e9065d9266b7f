"""What the service keeps of its answers, and what it answers when it cannot keep anything."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.forwarder.drain import Drain
from service.outbox import codec
from service.outbox.outbox import Outbox
from unit_tests.helpers.service_fakes import API_KEY, REQUIRED, app_with
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.rows import concatenate

KEY = {"X-API-Key": API_KEY}
ID = "01938a7e-5b1c-7f00-9c3a-2f5d8e6a1000"


@pytest.fixture(name="client")
def _client(tmp_path):
    return app_with(tmp_path).test_client()


@pytest.fixture(name="drain")
def _drain(tmp_path):
    return Drain(Outbox(tmp_path / "outbox.sqlite", 2**24))


def kept(drain):
    """The rows of all that is in the outbox."""
    return concatenate([codec.rows_of(queued.record) for queued in drain.batch()])


def predict(client, body, **headers):
    """POST /predict."""
    return client.post("/predict", json=body, headers=headers)


def lineage(client, prediction_id):
    """GET /lineage."""
    return client.get(f"/lineage/{prediction_id}", headers=KEY)


def test_each_answer_is_in_the_outbox_with_its_model_and_request(client, drain):
    headers = {"Idempotency-Key": "a-key", "X-Request-ID": "order-17"}
    answered = predict(client, REQUIRED, **headers).get_json()
    rows = kept(drain)
    (row,), (model,) = rows.predictions, rows.models
    assert (row.prediction_id, row.price) == (answered["prediction_id"], answered["price"])
    assert (row.low, row.high) == (answered["interval"]["low"], answered["interval"]["high"])
    assert (row.listing, row.role, row.position) == (REQUIRED, "production", 0)
    assert (row.request_id, row.idempotency_key) == ("order-17", "a-key")
    assert (row.model_version, model.version, model.run_id) == ("7", "7", "abc")


def test_a_list_is_one_record_with_all_its_predictions_in_order(client, drain):
    listings = [REQUIRED | {"year": 1980 + n % 40} for n in range(1_000)]
    answered = predict(client, listings).get_json()["predictions"]
    rows = kept(drain).predictions
    assert len(drain.batch()) == 1 and len({a["prediction_id"] for a in answered}) == 1_000
    assert [(r.prediction_id, r.price) for r in rows] == [
        (a["prediction_id"], a["price"]) for a in answered
    ]
    assert [r.listing for r in rows] == listings


def test_a_price_of_the_form_is_kept_too(client, drain):
    client.get("/?year=2014&manufacturer=honda&odometer=88000")
    assert kept(drain).predictions[0].listing == REQUIRED


def test_what_may_be_personal_and_does_not_count_is_not_kept(client, drain):
    personal = {"VIN": "1HGCM82633A004352", "description": "call me", "lat": 37.6}
    assert predict(client, REQUIRED | personal).status_code == 200
    assert kept(drain).predictions[0].listing == REQUIRED


def test_what_is_refused_leaves_nothing(client, drain):
    predict(client, REQUIRED | {"year": 1})
    predict(client, [REQUIRED, {}])
    client.get("/ready")
    assert not drain.batch()


def test_the_same_request_with_the_same_key_gets_the_same_bytes_and_one_record(client, drain):
    for body in (REQUIRED, [REQUIRED, REQUIRED]):
        headers = {"Idempotency-Key": f"key-{type(body).__name__}"}
        answers = {predict(client, body, **headers).data for _ in range(3)}
        assert len(answers) == 1
    assert len(kept(drain).predictions) == 3


def test_without_a_key_the_same_request_is_another_prediction(client):
    ids = {predict(client, REQUIRED).get_json()["prediction_id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_key_that_came_with_another_request_is_refused(client, drain):
    predict(client, REQUIRED, **{"Idempotency-Key": "key"})
    answer = predict(client, REQUIRED | {"year": 2015}, **{"Idempotency-Key": "key"})
    assert answer.status_code == 422
    assert answer.get_json()["type"].endswith(":idempotency-key-reused")
    assert len(drain.batch()) == 1


def test_a_refused_request_does_not_use_up_its_key(client):
    headers = {"Idempotency-Key": "key"}
    assert predict(client, REQUIRED | {"year": 1}, **headers).status_code == 422
    assert predict(client, REQUIRED, **headers).status_code == 200


def test_the_same_request_at_the_same_time_leaves_one_record(tmp_path, drain):
    workers = [app_with(tmp_path), app_with(tmp_path)]

    def ask(number):
        client = workers[number % 2].test_client()
        return predict(client, REQUIRED, **{"Idempotency-Key": f"key-{number // 8}"}).data

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(160)))
    assert len(set(answers)) == len(drain.batch()) == 20


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", "schlüssel", "tab\t"])
def test_a_key_that_is_none_is_refused(client, key):
    answer = predict(client, REQUIRED, **{"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.get_json()["type"].endswith(":wrong-idempotency-key")


def test_a_full_outbox_means_503_for_prices_and_feedback_and_none_for_the_rest(tmp_path):
    app = app_with(tmp_path)
    client = app.test_client()
    outbox = Outbox(tmp_path / "outbox.sqlite", 2**24)
    answered = predict(client, REQUIRED).get_json()
    while client.post("/predict", json=[REQUIRED] * 1_000).status_code == 200:
        pass
    while predict(client, REQUIRED).status_code == 200:
        pass
    feedback = {"prediction_id": answered["prediction_id"], "price": 9_000}
    for answer in (predict(client, REQUIRED), client.post("/feedback", json=feedback, headers=KEY)):
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert answer.get_json()["type"].endswith(":log-full")
    assert client.get("/health").status_code == 200
    assert outbox.find(answered["prediction_id"], "prediction")
    drain = Drain(outbox)
    drain.delete(drain.batch())
    assert predict(client, REQUIRED).status_code == 200


def test_an_outbox_that_cannot_be_opened_means_503(tmp_path):
    (tmp_path / "outbox.sqlite").write_bytes(b"not a database" * 1_000)
    answer = predict(app_with(tmp_path).test_client(), REQUIRED)
    assert answer.status_code == 503 and "outbox.sqlite" in answer.get_json()["detail"]


def test_feedback_needs_a_key_and_is_kept(client, drain):
    body = {"prediction_id": ID, "price": 15_990}
    assert client.post("/feedback", json=body).status_code == 401
    answer = client.post("/feedback", json=body, headers=KEY)
    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted", **body})
    (row,) = kept(drain).feedback
    assert (row.prediction_id, row.price) == (ID, 15_990)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"prediction_id": ID}, "/price"),
        ({"prediction_id": ID, "price": 499}, "/price"),
        ({"prediction_id": ID, "price": 150_001}, "/price"),
        ({"prediction_id": ID, "price": "15990"}, "/price"),
        ({"prediction_id": ID, "price": True}, "/price"),
        ({"prediction_id": "1' OR 1=1", "price": 9_000}, "/prediction_id"),
        ({"prediction_id": 5, "price": 9_000}, "/prediction_id"),
        ({"prediction_id": ID, "price": 9_000, "sold~": 1}, "/sold~0"),
        ([], ""),
    ],
)
def test_wrong_feedback_is_refused_with_its_reason(client, drain, body, pointer):
    answer = client.post("/feedback", json=body, headers=KEY)
    assert answer.status_code == 422 and not drain.batch()
    assert [e["pointer"] for e in answer.get_json()["errors"]] == [pointer]


def test_the_lineage_of_an_answer_is_known_before_it_has_left_the_outbox(client):
    answered = predict(client, [REQUIRED, REQUIRED | {"year": 2015}]).get_json()["predictions"][1]
    assert client.get(f"/lineage/{answered['prediction_id']}").status_code == 401
    origin = lineage(client, answered["prediction_id"].upper()).get_json()
    assert origin["prediction_id"] == answered["prediction_id"]
    assert origin["price"] == answered["price"]
    assert origin["request"]["listing"]["year"] == 2015 and origin["request"]["position"] == 1
    assert origin["model"] == {
        "name": "vehicle-price",
        "version": "7",
        "run_id": "abc",
        "data_sha256": "",
        "code_commit": "",
    }


@pytest.mark.parametrize("prediction_id", [ID, "7", "..%2f..", "'", ID[:-3] + "fff"])
def test_the_lineage_of_what_was_never_answered_is_404(client, prediction_id):
    answer = lineage(client, prediction_id)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_position_beyond_a_request_is_unknown(client):
    answered = predict(client, REQUIRED).get_json()["prediction_id"]
    assert lineage(client, answered[:-3] + "001").status_code == 404


def test_with_the_log_away_only_what_the_outbox_holds_is_known(tmp_path):
    class Away:
        """As a log whose database does not answer."""

        def find(self, _):
            """Fails."""
            raise DatabaseUnavailable("PostgreSQL does not answer")

    client = app_with(tmp_path, log=Away()).test_client()
    answered = predict(client, REQUIRED).get_json()["prediction_id"]
    assert lineage(client, answered).status_code == 200
    away = lineage(client, ID)
    assert away.status_code == 503 and "Retry-After" in away.headers
    assert "PostgreSQL" in json.loads(away.data)["detail"]


def test_a_key_is_that_of_its_caller_and_no_other_can_use_it_up(client):
    first = predict(client, REQUIRED, **{"Idempotency-Key": "k"})
    other = client.post(
        "/predict",
        json=REQUIRED | {"year": 2015},
        headers={"Idempotency-Key": "k"},
        environ_overrides={"REMOTE_ADDR": "10.9.9.9"},
    )
    keyed = predict(client, REQUIRED | {"year": 2016}, **{"Idempotency-Key": "k"}, **KEY)
    assert [answer.status_code for answer in (first, other, keyed)] == [200] * 3
    assert len({answer.get_json()["prediction_id"] for answer in (first, other, keyed)}) == 3


def test_the_same_listing_written_otherwise_is_the_same_request(client, drain):
    header, body = {"Idempotency-Key": "k"}, REQUIRED | {"model": "civic"}
    written = [
        json.dumps(body),
        json.dumps(dict(reversed(body.items()))),
        json.dumps(body).replace("2014", "2014.0").replace(", ", " ,  "),
    ]
    answers = [
        client.post("/predict", data=text, content_type="application/json", headers=header)
        for text in written
    ]
    assert len({answer.data for answer in answers}) == 1 and answers[0].status_code == 200
    assert len(drain.batch()) == 1
    assert predict(client, [body], **header).status_code == 422  # a list of one is another request
