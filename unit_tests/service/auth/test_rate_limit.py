"""The limit on requests: one count for all workers, kind to those who wait."""

import multiprocessing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.auth.rate_limit import Limit, Limiter, parse_limit
from unit_tests.helpers.service_fakes import API_KEY, REQUIRED, components_with

NOW = 1_800_000_000.0


@pytest.fixture(name="limiter")
def _limiter(tmp_path):
    return Limiter(tmp_path / "rate_limit", Limit(5, 10))


def test_so_many_pass_and_then_one_each_interval(limiter):
    states = [limiter.count("a", NOW) for _ in range(6)]
    assert [t.allowed for t in states] == [True] * 5 + [False]
    assert [t.remaining for t in states] == [4, 3, 2, 1, 0, 0]
    assert states[-1].wait == pytest.approx(2)
    assert not limiter.count("a", NOW + 1.9).allowed
    assert limiter.count("a", NOW + 2.1).allowed
    assert not limiter.count("a", NOW + 2.2).allowed
    assert [limiter.count("a", NOW + 60).allowed for _ in range(6)] == [True] * 5 + [False]


def test_callers_do_not_count_for_each_other(limiter):
    for who in ("a", "b", "key a"):
        assert [limiter.count(who, NOW).allowed for _ in range(6)] == [True] * 5 + [False]


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer_than_one_window(limiter):
    for _ in range(5):
        limiter.count("a", NOW)
    assert limiter.count("a", NOW - 86_400).wait <= 10
    assert limiter.count("a", NOW - 86_400 + 10.1).allowed


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 30))
def test_never_more_pass_than_the_bucket_and_its_refill(tmp_path_factory, gaps, count, seconds):
    limiter = Limiter(tmp_path_factory.mktemp("limit") / "file", Limit(count, seconds))
    now, passed = NOW + gaps[0], 0
    for gap in gaps[1:]:
        now += gap
        state = limiter.count("a", now)
        passed += state.allowed
        assert state.allowed or 0 < state.wait <= seconds
    assert passed <= count + (now - NOW) * count / seconds + 1e-3


def _take(path, started, results):
    """One worker: as many as it is let, at one moment."""
    started.wait()
    limiter = Limiter(path, Limit(500, 60))
    results.put(sum(limiter.count("a", NOW).allowed for _ in range(400)))


def test_processes_share_one_count(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, results = context.Event(), context.Queue()
    workers = [
        context.Process(target=_take, args=(tmp_path / "file", started, results)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    started.set()
    passed = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(passed) == 500


def test_more_callers_than_places_are_served_all_the_same(limiter):
    assert all(limiter.count(f"caller {n}", NOW).allowed for n in range(80_000))


@pytest.mark.parametrize("text", ["many", "5", "5/", "5/week", "0/minute", "-1/minute", "1.5/day"])
def test_a_limit_that_cannot_be_read_is_named(text):
    with pytest.raises(ValueError, match="RATE_LIMIT="):
        parse_limit(text)


@pytest.fixture(name="client")
def _client(tmp_path):
    limiter = Limiter(tmp_path / "rate_limit", Limit(3, 60))
    return create_app(replace(components_with(tmp_path), limiter=limiter)).test_client()


def test_who_asks_too_often_is_told_when_to_come_back(client):
    answers = [client.post("/predict", json=REQUIRED) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=3;w=60'
    assert answers[0].headers["RateLimit"] == '"default";r=2;t=20'
    refused = answers[3]
    assert refused.content_type == "application/problem+json"
    assert refused.get_json()["type"].endswith(":rate-limit")
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    counted = 'http_requests_total{method="POST",route="/predict",status="429"} 1.0'
    assert counted in client.get("/metrics").text


def test_a_valid_key_has_a_count_of_its_own_and_a_guessed_one_has_not(client):
    for _ in range(3):
        client.get("/model")
    assert client.get("/model", headers={"X-API-Key": API_KEY}).status_code == 200
    assert client.get("/model", headers={"X-API-Key": "guess"}).status_code == 429


def test_an_ipv6_customer_is_one_caller(client):
    def ask(address):
        return client.get("/model", environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [ask(f"2001:db8::{n:x}") for n in range(4)] == [200, 200, 200, 429]
    assert ask("2001:db8:0:1::1") == 200


def test_who_watches_the_service_is_never_refused(client):
    for path in ("/health", "/ready", "/metrics"):
        answers = [client.get(path) for _ in range(6)]
        assert {a.status_code for a in answers} == {200}
        assert "RateLimit" not in answers[0].headers


def test_without_a_limit_nothing_is_said_of_one(tmp_path):
    client = create_app(components_with(tmp_path)).test_client()
    answers = [client.get("/model") for _ in range(50)]
    assert {a.status_code for a in answers} == {200} and "RateLimit" not in answers[0].headers
