"""POST /predict past Flask answers as the view does, and leaves to the view what is unusual."""

import json
from dataclasses import replace
from functools import wraps

import pytest
from flask import request

from service.auth.rate_limit import Limit, Limiter
from service.routes.predict_fast import is_ordinary
from unit_tests.helpers.service_fakes import REQUIRED, app_with, components_with

PLAIN = {
    "PATH_INFO": "/predict",
    "REQUEST_METHOD": "POST",
    "CONTENT_TYPE": "application/json",
    "CONTENT_LENGTH": "60",
}
STRAIGHT, FLASK = "application/json", "application/json; charset=utf-8"
BODIES = {
    "a listing": REQUIRED,
    "a list": [REQUIRED, REQUIRED],
    "an empty list": [],
    "wrong values": {"year": 3},
    "no listing": 5,
    "a name twice": b'{"year": 2014, "year": 2015, "manufacturer": "honda", "odometer": 1}',
    "not JSON": b"{",
    "NaN": b'{"year": NaN}',
}


def post(client, body, content_type=STRAIGHT, **options):
    """POST `body`, as it is if bytes, else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post("/predict", data=data, content_type=content_type, **options)


def without_ids(answer):
    """All of an answer that is the same for the same request."""
    content = answer.get_json()
    for prediction in content.get("predictions", [content]):
        prediction.pop("prediction_id", None)
    return answer.status_code, answer.content_type, sorted(answer.headers.keys()), content


@pytest.fixture(name="views")
def _views():
    """The requests that reached the view, by their content type."""
    return []


@pytest.fixture(name="client")
def _client(tmp_path, views):
    app = app_with(tmp_path)
    view = app.view_functions["pricing.predict"]

    @wraps(view)
    def watched():
        views.append(request.content_type)
        return view()

    app.view_functions["pricing.predict"] = watched
    return app.test_client()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_both_ways_answer_the_same(client, body):
    assert without_ids(post(client, body, STRAIGHT)) == without_ids(post(client, body, FLASK))


def test_a_usual_request_does_not_reach_the_view_and_an_unusual_one_does(client, views):
    assert post(client, REQUIRED, STRAIGHT).status_code == 200 and not views
    assert post(client, REQUIRED, FLASK).status_code == 200 and views == [FLASK]


def test_both_ways_are_counted_under_the_route(client):
    for content_type in (STRAIGHT, FLASK):
        post(client, REQUIRED, content_type)
        post(client, {"year": 3}, content_type)
    counted = client.get("/metrics").text
    for status in (200, 422):
        labels = f'{{method="POST",route="/predict",status="{status}"}}'
        assert f"http_requests_total{labels} 2.0" in counted
    assert 'vehicle_price_refused_requests_total{kind="wrong-values"} 2.0' in counted


@pytest.mark.parametrize(
    "change",
    [
        {"PATH_INFO": "/predict/"},
        {"REQUEST_METHOD": "GET"},
        {"SCRIPT_NAME": "/elsewhere"},
        {"CONTENT_TYPE": "text/plain"},
        {"CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "1000000"},
        {"HTTP_CONTENT_ENCODING": "gzip"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_IDEMPOTENCY_KEY": "once"},
    ],
    ids=str,
)
def test_what_is_unusual_is_left_to_flask(change):
    assert is_ordinary(PLAIN) and not is_ordinary(PLAIN | change)


def test_a_body_that_breaks_off_is_refused(client):
    answer = post(client, REQUIRED, environ_overrides={"CONTENT_LENGTH": "500"})
    assert (answer.status_code, answer.get_json()["type"][-11:]) == (400, "broken-body")


def test_with_a_limit_every_request_is_counted_by_it(tmp_path):
    limiter = Limiter(tmp_path / "limit", Limit(1, 3600))
    client = app_with(tmp_path, replace(components_with(tmp_path), limiter=limiter)).test_client()
    assert [post(client, REQUIRED).status_code for _ in range(2)] == [200, 429]
