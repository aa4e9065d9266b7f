"""POST /predict on the event loop answers as Flask does, and leaves to Flask what is unusual."""

import json
from dataclasses import replace

import pytest

from service.app import create_service
from service.auth.rate_limit import Limit, Limiter
from service.outbox.outbox import OutboxFull
from unit_tests.helpers.asgi import ask_connection, scope_of
from unit_tests.helpers.service_fakes import API_KEY, REQUIRED, components_with
from vehicle_price.settings import Settings

JSON = {"Content-Type": "application/json"}
PLAIN = JSON | {"Content-Length": "60"}
LISTING = json.dumps(REQUIRED).encode()
# Each case of the contract of POST /predict: body and headers.
CASES = {
    "a listing": (LISTING, JSON),
    "all optional columns": (json.dumps(REQUIRED | {"model": "civic", "url": "x"}).encode(), JSON),
    "an unheard model": (json.dumps(REQUIRED | {"model": "unheard of"}).encode(), JSON),
    "a list": (json.dumps([REQUIRED, REQUIRED]).encode(), JSON),
    "an empty list": (b"[]", JSON),
    "too long a list": (json.dumps([REQUIRED] * 1_001).encode(), JSON),
    "wrong values": (b'{"year": 3}', JSON),
    "an unknown name": (json.dumps(REQUIRED | {"odometr": 1}).encode(), JSON),
    "no listing": (b"5", JSON),
    "a name twice": (b'{"year": 2014, "year": 2015, "manufacturer": "honda"}', JSON),
    "not JSON": (b"{", JSON),
    "nothing": (b"", JSON),
    "NaN": (b'{"year": NaN}', JSON),
    "deep": (b"[" * 60_000, JSON),
    "not UTF-8": (b'{"model": "\xff"}', JSON),
    "too large": (b" " * 2_000_001, JSON),
    "another type": (LISTING, {"Content-Type": "text/plain"}),
    "no type": (LISTING, {}),
    "a charset": (LISTING, {"Content-Type": "application/json; charset=utf-8"}),
    "gzip": (LISTING, JSON | {"Content-Encoding": "gzip"}),
    "a request id": (LISTING, JSON | {"X-Request-ID": "order-17"}),
    "a bad request id": (LISTING, JSON | {"X-Request-ID": "two words"}),
    "a client": (LISTING, JSON | {"X-Client-Id": "dealer"}),
    "a key": (LISTING, JSON | {"X-API-Key": API_KEY}),
    "a wrong key": (LISTING, JSON | {"X-API-Key": "nonsense"}),
    "an idempotency key": (LISTING, JSON | {"Idempotency-Key": "once"}),
    "a bad idempotency key": (LISTING, JSON | {"Idempotency-Key": "a b"}),
    "chunked": ([LISTING[:9], LISTING[9:]], JSON | {"Transfer-Encoding": "chunked"}),
}


def service_with(components, fast=True):
    """The ASGI application; without the fast path, Flask answers every request."""
    service = create_service(components, Settings())
    if not fast:
        service._loop_route = None  # pylint: disable=protected-access
    return service


def without_ids(answer):
    """All of an answer that is the same for the same request."""
    content, headers = answer.json, dict(answer.headers)
    for prediction in content.get("predictions", [content]):
        prediction.pop("prediction_id", None)
    if len(headers["x-request-id"]) == 32:
        headers["x-request-id"] = "made here"
    headers.pop("content-length")
    return answer.status, headers, content


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_ways_answer_every_case_of_the_contract_the_same(tmp_path, case):
    by_loop, by_flask = (
        ask_connection(
            service_with(components_with(tmp_path / way), way == "loop"), "/predict", *case
        )
        for way in ("loop", "flask")
    )
    assert without_ids(by_loop) == without_ids(by_flask)


@pytest.mark.parametrize("served", [True, False], ids=["full outbox", "no model"])
def test_both_ways_refuse_the_same_when_a_price_cannot_be_given(tmp_path, monkeypatch, served):
    def full(*_):
        raise OutboxFull("/srv/outbox.sqlite or its disk is full")

    answers = []
    for fast in (True, False):
        components = components_with(tmp_path / str(fast), served=served)
        monkeypatch.setattr(type(components.outbox), "keep", full)
        answers.append(ask_connection(service_with(components, fast), "/predict", LISTING, JSON))
    assert without_ids(answers[0]) == without_ids(answers[1])
    assert answers[0].status == 503 and "/srv" not in answers[0].json["detail"]


def test_a_usual_request_does_not_reach_flask_and_an_unusual_one_does(tmp_path):
    components, reached = components_with(tmp_path), []
    service = service_with(components)
    inner = service._flask  # pylint: disable=protected-access

    async def watched(scope, receive, send):
        reached.append(scope["path"])
        await inner(scope, receive, send)

    service._flask = watched  # pylint: disable=protected-access
    assert ask_connection(service, "/predict", LISTING, JSON).status == 200 and not reached
    for body in (b'{"year": 3}', b"[]"):
        assert ask_connection(service, "/predict", body, JSON).status == 422
    assert reached == ["/predict", "/predict"]


def test_both_ways_are_counted_under_the_route(tmp_path):
    components = components_with(tmp_path)
    for fast in (True, False):
        service = service_with(components, fast)
        ask_connection(service, "/predict", LISTING, JSON)
        ask_connection(service, "/predict", b'{"year": 3}', JSON)
    counted = components.metrics.exposition().decode()
    for status in (200, 422):
        labels = f'{{method="POST",route="/predict",status="{status}"}}'
        assert f"http_requests_total{labels} 2.0" in counted
    assert 'vehicle_price_refused_requests_total{kind="wrong-values"} 2.0' in counted


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/predict/", {}),
        ("/predict?a=b", {}),
        ("/feedback", {}),
        ("/predict", {"Content-Type": "text/plain"}),
        ("/predict", {"Content-Length": ""}),
        ("/predict", {"Content-Length": "16385"}),
        ("/predict", {"Content-Length": "1000000"}),
        ("/predict", {"Content-Encoding": "gzip"}),
        ("/predict", {"Transfer-Encoding": "chunked"}),
        ("/predict", {"Idempotency-Key": "once"}),
        ("/predict", {"X-API-Key": API_KEY}),
        ("/predict", {"Authorization": "Bearer x"}),
        ("/predict", {"Expect": "100-continue"}),
    ],
)
def test_what_is_unusual_is_left_to_flask(tmp_path, path, headers):
    service = service_with(components_with(tmp_path))

    def accepts(path, headers):
        return service.accepts(path.encode(), scope_of("POST", path, headers)["headers"])

    assert accepts("/predict", PLAIN)
    assert not accepts(path, PLAIN | headers)


def test_a_header_that_is_there_twice_is_left_to_flask(tmp_path):
    service = service_with(components_with(tmp_path))
    headers = scope_of("POST", "/predict", PLAIN)["headers"] + [(b"x-client-id", b"a")]
    assert service.accepts(b"/predict", headers)
    assert not service.accepts(b"/predict", headers + [(b"x-client-id", b"b")])


def test_without_a_model_flask_answers(tmp_path):
    service = service_with(components_with(tmp_path, served=False))
    assert not service.accepts(b"/predict", scope_of("POST", "/predict", PLAIN)["headers"])


def test_with_a_limit_every_request_is_counted_by_it(tmp_path):
    limiter = Limiter(tmp_path / "limit", Limit(1, 3600))
    components = replace(components_with(tmp_path), limiter=limiter)
    service = service_with(components)
    statuses = [ask_connection(service, "/predict", LISTING, JSON).status for _ in range(2)]
    assert statuses == [200, 429]
