"""POST /predict: what is priced, and what is refused with which words."""

import json
import uuid
from io import BytesIO

import pytest

from unit_tests.helpers.service_fakes import REQUIRED, app_with
from vehicle_price.schema import COLUMNS, EXAMPLE


@pytest.fixture(name="client")
def _client(tmp_path):
    return app_with(tmp_path).test_client()


def post(client, body, **options):
    """POST `body`, as it is if bytes, else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post("/predict", data=data, content_type="application/json", **options)


def only_error(answer, status=422):
    """The one error of a problem, after checking that it is one."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    problem = answer.get_json()
    assert problem["status"] == status and problem["type"] and problem["title"]
    (error,) = problem["errors"]
    return error


def test_the_example_listing_is_priced_as_the_contract_says(client):
    answer = post(client, EXAMPLE)
    assert answer.status_code == 200
    prediction = answer.get_json()
    uuid.UUID(prediction.pop("prediction_id"))
    assert prediction == {
        "price": 20140,
        "currency": "USD",
        "interval": {"low": 19140, "high": 21140, "coverage": 0.9},
        "model": {"name": "vehicle-price", "version": "7"},
        "warnings": [],
    }


def test_the_required_fields_are_enough(client):
    assert post(client, REQUIRED).status_code == 200


def test_a_list_is_answered_in_its_order_with_an_id_each(client):
    years = [1990 + n % 30 for n in range(1000)]
    predictions = post(client, [{**REQUIRED, "year": year} for year in years]).get_json()[
        "predictions"
    ]
    assert [p["price"] for p in predictions] == [10 * year for year in years]
    assert len({p["prediction_id"] for p in predictions}) == 1000


def test_warnings_of_the_model_reach_the_client(client):
    prediction = post(client, {**REQUIRED, "model": "unheard of"}).get_json()
    assert prediction["warnings"] == ["model: never seen"]


def test_null_is_a_missing_value(client):
    optional = {c.name: None for c in COLUMNS if not c.required}
    assert post(client, {**REQUIRED, **optional}).status_code == 200


def test_a_whole_raw_listing_is_accepted_except_for_its_price(client):
    raw = {c.name: "x" for c in COLUMNS if c.kind in ("text", "level")}
    raw |= {"id": 7316356412, "lat": 32.5, "long": -117, "posting_date": "2021-04-28T12:00:00-0500"}
    assert post(client, {**raw, **REQUIRED}).status_code == 200
    error = only_error(post(client, {**raw, **REQUIRED, "price": 5000}))
    assert error["pointer"] == "/price" and "POST /predict answers" in error["detail"]


def test_a_model_year_is_at_most_the_year_after_its_posting_or_after_today(client, monkeypatch):
    monkeypatch.setattr("service.routes.predict.this_year", lambda: 2031)
    posted = {"posting_date": "2021-04-28"}
    for listing, latest in ((REQUIRED, 2032), (REQUIRED | posted, 2022)):
        assert post(client, {**listing, "year": latest}).status_code == 200
        for body in ({**listing, "year": latest + 1}, [listing, {**listing, "year": latest + 1}]):
            (error,) = post(client, body).get_json()["errors"]
            assert error["pointer"].endswith("/year")
            assert f"{latest + 1} is above {latest}, the year after " in error["detail"]


def test_a_whole_number_may_be_written_as_a_float(client):
    answer = post(client, b'{"year": 2013.0, "manufacturer": "honda", "odometer": 1e4}')
    assert answer.get_json()["price"] == 20130


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("year", True, "expected a whole number, got true"),
        ("year", "2014", "expected a whole number, got text"),
        ("year", 2013.5, "expected a whole number, got a fraction"),
        ("year", 1800, "1800 is below 1970"),
        ("year", 2102, "2102 is above "),
        ("year", None, "is required"),
        ("year", [2014], "expected a whole number, got a list"),
        ("odometer", -5, "-5 is below 0 miles"),
        ("odometer", 10**30, "is above 500000 miles"),
        ("odometer", 10**4000, "is above 500000 miles"),
        ("manufacturer", "", "is required"),
        ("manufacturer", "  ", "is required"),
        ("manufacturer", 5, "expected text, got a number"),
        ("model", "x" * 251, "longer than 250 characters"),
        ("manufacturer", "\u200b", "is required"),
        ("model", {}, "expected text, got an object"),
        ("fuel", False, "expected text, got false"),
        ("lat", 91, "91 is above 90 degrees"),
        ("lat", "32.5", "expected a number, got text"),
        ("VIN", [], "expected text, got a list"),
        ("posting_date", "yesterday", "expected an ISO 8601 date"),
        ("posting_date", "0001-01-01T00:00:00+23:59", "1970 to 2100"),
        ("posting_date", 20210428, "expected an ISO 8601 date"),
        ("odometr", 5, "did you mean odometer?"),
        ("colour of the seats", 5, "unknown"),
        ("x" * 100_000, 5, "unknown"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(client, name, value, words):
    error = only_error(post(client, {**REQUIRED, name: value}))
    assert words in error["detail"]
    assert error["pointer"].startswith(f"/{name[:20]}")
    assert len(json.dumps(error)) < 600


@pytest.mark.parametrize("column", [c.name for c in COLUMNS if c.required and c.role == "feature"])
def test_every_required_field_is_asked_for(client, column):
    rest = {k: v for k, v in REQUIRED.items() if k != column}
    assert only_error(post(client, rest))["pointer"] == f"/{column}"


def test_a_name_is_escaped_in_its_pointer(client):
    assert only_error(post(client, {**REQUIRED, "a/b~": 1}))["pointer"] == "/a~1b~0"


def test_an_error_in_a_list_says_in_which_listing(client):
    answer = post(client, [REQUIRED, REQUIRED, {**REQUIRED, "odometer": -5}])
    assert only_error(answer)["pointer"] == "/2/odometer"


def test_all_errors_are_named_but_at_most_a_hundred(client):
    three = post(client, {"year": 1800, "odometer": -1}).get_json()["errors"]
    assert {e["pointer"] for e in three} == {"/year", "/odometer", "/manufacturer"}
    many = post(client, [{}] * 1000).get_json()["errors"]
    assert len(many) == 100
    names = post(client, {str(n): n for n in range(100_000)}).get_json()["errors"]
    assert len(names) == 100


NOT_JSON = {
    "empty": b"",
    "words": b"hello",
    "60 KB of brackets": b"[" * 60_000,
    "objects in objects": b'{"a":' * 20_000,
    "a number of 5,000 digits": b"9" * 5_000,
    "NaN": b'{"year": NaN}',
    "Infinity": b'{"year": -Infinity}',
    "bad UTF-8": b'{"model": "\xff\xfe"}',
    "a lone surrogate": b'{"model": "\\ud800"}',
    "a trailing comma": b"[1,]",
    "a control character": b'{"model": "a\x01b"}',
    "two values": b"{} {}",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused_with_400(client, body):
    answer = post(client, body)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert "not JSON" in answer.get_json()["detail"]


WRONG_BODIES = {
    "null": b"null",
    "a number": b"5",
    "text": b'"car"',
    "a number beyond all floats": b"1e999",
    "an empty list": b"[]",
    "a list in a list": b"[[]]",
}


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_json_that_is_no_listing_is_refused_with_422(client, body):
    only_error(post(client, body))


def test_a_float_beyond_all_floats_is_refused_with_its_pointer(client):
    answer = post(client, b'{"year": 1e999, "manufacturer": "honda", "odometer": 5}')
    assert "a number too large" in only_error(answer)["detail"]


def test_1001_listings_are_too_many(client):
    assert "got 1001" in only_error(post(client, [REQUIRED] * 1001))["detail"]


def test_a_body_of_20_megabytes_is_too_large(client):
    answer = post(client, b" " * 20_000_000)
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_a_chunked_body_is_counted_too(client):
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    for size, status in ((20_000_000, 413), (2_000_001, 413), (2_000_000, 400)):
        stream = {"input_stream": BytesIO(b" " * size), "environ_overrides": chunked}
        answer = client.post("/predict", content_type="application/json", **stream)
        assert answer.status_code == status


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused_with_415(client, content_type):
    answer = client.post("/predict", data=json.dumps(REQUIRED), content_type=content_type)
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")


def test_without_a_model_the_answer_is_503_and_says_what_to_do(tmp_path):
    answer = post(app_with(tmp_path, served=False).test_client(), REQUIRED)
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert "make retrain" in answer.get_json()["detail"]


def test_a_fault_in_the_model_shows_no_stack_trace(tmp_path):
    class Broken:
        """Raises what no client may see."""

        facts: dict[str, object] = {}

        def price_one(self, listing):
            """Fails."""
            raise ZeroDivisionError("a secret of the inside")

    answer = post(app_with(tmp_path, valuation=Broken()).test_client(), REQUIRED)
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert b"secret" not in answer.data and b"Traceback" not in answer.data
