"""A JSON body is read once and without doubt about what it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from service.http.body import may_repeat_names
from unit_tests.helpers.service_fakes import app_with

NAMES = st.sampled_from(["year", "odometer", 'a"b', "a:b", 'a":b', "", "model"])
VALUES = st.integers() | st.sampled_from(["x", ":", '":', '" :', "http://a:5/b", " :"])
SPACE = st.sampled_from(["", "", " ", "\t", "\n", "\r", "  "])
PAIRS = st.lists(st.tuples(NAMES, SPACE, VALUES), max_size=5)


def written(pairs):
    """An object as JSON, its names as often and as far apart from their colons as `pairs` say."""
    return "{" + ",".join(f"{json.dumps(n)}{gap}:{json.dumps(v)}" for n, gap, v in pairs) + "}"


@given(st.lists(PAIRS, min_size=1, max_size=4), st.booleans())
def test_no_repeated_name_is_overlooked(objects, as_list):
    texts = [written(pairs) for pairs in objects]
    body = ("[" + ",".join(texts) + "]" if as_list else texts[0]).encode()
    checked = objects if as_list else objects[:1]
    repeated = any(len({n for n, _, _ in pairs}) < len(pairs) for pairs in checked)
    assert may_repeat_names(body, from_json(body)) or not repeated


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_a_body_is_refused_exactly_when_a_name_is_repeated(tmp_path_factory, objects):
    client = app_with(tmp_path_factory.mktemp("model")).test_client()
    body = "[" + ",".join(map(written, objects)) + "]"
    answer = client.post("/predict", data=body, content_type="application/json")
    repeated = any(len({n for n, _, _ in pairs}) < len(pairs) for pairs in objects)
    assert (answer.status_code == 400) == repeated


def test_ordinary_bodies_take_the_quick_way():
    listing = {"year": 2014, "url": "https://a.b/c", "posting_date": "2021-04-28T12:00:00-0500"}
    for body in ({"year": 1}, listing, [listing] * 3, []):
        for text in (json.dumps(body), json.dumps(body, separators=(",", ":"))):
            assert not may_repeat_names(text.encode(), body)


@pytest.mark.parametrize("inner", ["", '"a": {"b": 1, "b": 2}', '"a": [{"b": 1, "b": 2}]'])
def test_a_repeated_name_is_found_at_any_depth(tmp_path, inner):
    body = "{" + (inner or '"year": 1, "year": 2') + "}"
    client = app_with(tmp_path).test_client()
    answer = client.post("/predict", data=body, content_type="application/json")
    assert answer.status_code == 400 and "is there twice" in answer.get_json()["detail"]


def test_a_hundred_thousand_names_are_compared_in_no_time(tmp_path):
    names = ",".join(f'"n{n}":1' for n in range(100_000))
    body = "{" + names + ',"n99999":2}'
    client = app_with(tmp_path).test_client()
    answer = client.post("/predict", data=body, content_type="application/json")
    assert answer.status_code == 400 and "'n99999' is there twice" in answer.get_json()["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_an_encoded_body_is_415(tmp_path, encoding):
    client = app_with(tmp_path).test_client()
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    assert client.post("/predict", data=b"{}", headers=headers).status_code == 415
