"""The OpenAPI document: complete, equal to the routes, and as strict as the checks themselves."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from service.openapi.document import path_of, routes_of
from service.openapi.schemas import components
from unit_tests.helpers.service_fakes import API_KEY, MONITORING_KEY, REQUIRED, app_with
from vehicle_price.listing.errors import WrongValues
from vehicle_price.listing.validation import check_one
from vehicle_price.names import SOURCE_NAMES
from vehicle_price.schema import EXAMPLE, FEATURES


@pytest.fixture(name="app", scope="module")
def _app(tmp_path_factory):
    return app_with(tmp_path_factory.mktemp("model"))


@pytest.fixture(name="api", scope="module")
def _api(app):
    return app.test_client().get("/openapi.json").get_json()


def operations(api):
    """(method, path) → operation."""
    return {(m.upper(), p): op for p, methods in api["paths"].items() for m, op in methods.items()}


def test_every_route_is_in_the_document_and_nothing_else_is(app, api):
    routes = {(method, path_of(rule.rule)) for method, rule in routes_of(app)}
    assert set(operations(api)) == routes


def test_path_parameters_are_described(api):
    for (_, path), operation in operations(api).items():
        named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_no_route_promises_a_500_and_every_problem_has_its_shape(api):
    for key, operation in operations(api).items():
        for status, answer in operation["responses"].items():
            assert status != "500" and answer["description"], key
            if status >= "400" and key != ("GET", "/"):  # the form shows its errors as a page
                shape = answer["content"]["application/problem+json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/Problem"}, key


def test_no_body_that_is_acted_upon_names_a_path_or_an_address(api):
    schemas = api["components"]["schemas"]
    assert set(schemas["TrainRequest"]["properties"]) == {"source", "families", "seed"}
    assert set(schemas["Feedback"]["properties"]) == {"prediction_id", "price"}
    for name in ("TrainRequest", "Feedback", "Listing"):
        assert schemas[name]["additionalProperties"] is False
    text = schemas["TrainRequest"]["properties"]["source"]["anyOf"][0]
    assert text["enum"] == list(SOURCE_NAMES)  # names from a list, no text of the client's own


def test_routes_with_a_key_say_so(api):
    for key, operation in operations(api).items():
        assert bool(operation["security"]) == (operation["x-access"] != "public"), key
        assert ("401" in operation["responses"]) == (operation["x-access"] != "public"), key


def test_references_lead_somewhere_and_ids_are_unique(api):
    names = set(re.findall(r"#/components/schemas/(\w+)", str(api)))
    assert names and names <= set(api["components"]["schemas"])
    ids = [operation["operationId"] for operation in operations(api).values()]
    assert len(set(ids)) == len(ids)


def validator(name):
    """A validator of the component `name`."""
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": components()}}
    )


LISTINGS = [
    EXAMPLE,
    REQUIRED,
    {**REQUIRED, "year": 1970},
    {**REQUIRED, "year": 1969},
    {**REQUIRED, "year": 2101, "posting_date": "2100-12-31"},
    {**REQUIRED, "year": 2102, "posting_date": "2100-12-31"},
    {**REQUIRED, "year": 2014.0},
    {**REQUIRED, "year": 2014.5},
    {**REQUIRED, "year": True},
    {**REQUIRED, "year": "2014"},
    {**REQUIRED, "year": None},
    {**REQUIRED, "odometer": -1},
    {**REQUIRED, "manufacturer": ""},
    {**REQUIRED, "manufacturer": " \t\u200b\u00a0"},
    {**REQUIRED, "manufacturer": "\x00"},
    {**REQUIRED, "manufacturer": "!"},
    {**REQUIRED, "manufacturer": "日産"},
    {**REQUIRED, "manufacturer": "x" * 250},
    {**REQUIRED, "manufacturer": "x" * 251},
    {**REQUIRED, "model": ""},
    {**REQUIRED, "model": None},
    {**REQUIRED, "model": 5},
    {**REQUIRED, "id": 7316356412},
    {**REQUIRED, "id": [1]},
    {**REQUIRED, "lat": 90.0},
    {**REQUIRED, "lat": 90.1},
    {**REQUIRED, "posting_date": "2021-04-28T12:00:00-0500"},
    {**REQUIRED, "posting_date": "2021-04-28"},
    {**REQUIRED, "posting_date": "2021-12-31T23:59:59Z"},
    {**REQUIRED, "posting_date": "2021-02-30"},
    {**REQUIRED, "posting_date": "1969-12-31"},
    {**REQUIRED, "posting_date": "yesterday"},
    {**REQUIRED, "price": 5},
    {**REQUIRED, "odometr": 5},
    {"year": 2014},
    {},
    [],
    None,
]


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: repr(listing)[-60:])
def test_the_schema_of_a_listing_accepts_what_the_check_accepts(listing):
    try:
        check_one(listing, 2021)
        accepted = True
    except WrongValues:
        accepted = False
    assert validator("Listing").is_valid(listing) == accepted


def test_answers_have_the_documented_shape(app):
    client = app.test_client()
    key, monitoring = {"X-API-Key": API_KEY}, {"X-API-Key": MONITORING_KEY}
    priced = client.post("/predict", json=REQUIRED).get_json()
    answers = {
        "Prediction": priced,
        "Predictions": client.post("/predict", json=[REQUIRED]).get_json(),
        "Ready": client.get("/ready").get_json(),
        "Model": client.get("/model").get_json(),
        "Suggestions": client.get("/suggestions?manufacturer=honda").get_json(),
        "TrainingStarted": client.post("/train", headers=key).get_json(),
        "TrainingRun": client.get("/train/service-1").get_json(),
        "Lineage": client.get(f"/lineage/{priced['prediction_id']}", headers=key).get_json(),
        "Monitoring": client.get("/monitoring", headers=monitoring).get_json(),
        "FeedbackTaken": client.post(
            "/feedback",
            json={"prediction_id": priced["prediction_id"], "price": 9_000},
            headers=key,
        ).get_json(),
        "Problem": client.post("/predict", json={"year": 1}).get_json(),
    }
    for name, answer in answers.items():
        try:
            validator(name).validate(answer)
        except ValidationError as error:
            pytest.fail(f"{name}: {error.message}")


def test_the_page_names_every_route_schema_and_column_and_loads_nothing_from_outside(app, api):
    answer = app.test_client().get("/docs")
    page = answer.text
    assert all(f"<code>{path}</code>" in page for path in api["paths"])
    assert all(f'id="schema-{name}"' in page for name in api["components"]["schemas"])
    assert all(f"<code>{column.name}</code>" in page for column in FEATURES)
    assert "http://" not in page and "https://" not in page and "<script" not in page
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for name in re.findall(r'/static/([\w.]+)"', page):
        assert app.test_client().get(f"/static/{name}").status_code == 200
    static = Path(__file__).parents[3] / "service" / "static"
    assert "url(" not in (static / "docs.css").read_text("utf-8")
