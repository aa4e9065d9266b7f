"""The service around a real model, fitted on a small sample: from JSON to price and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.inference.model_holder import ModelHolder
from service.inference.model_watcher import ModelWatcher
from service.json_files import write_json
from unit_tests.helpers.service_fakes import REQUIRED, app_with
from vehicle_price.contract.check import check
from vehicle_price.model.artifact import load, save
from vehicle_price.schema import EXAMPLE, FEATURES
from vehicle_price.sources.sample.source import generate
from vehicle_price.training.fit import fit
from vehicle_price.training.split import split_by_time


@pytest.fixture(name="valuation", scope="module")
def _valuation():
    """Thirty trees on some 1,500 cars; two seconds."""
    sides = split_by_time(check(generate(4_000, 1)).accepted.to_pandas())
    return fit(sides.train, "xgboost", seed=1, threads=1, parameters={"rounds": 30})


@pytest.fixture(name="client", scope="module")
def _client(valuation, tmp_path_factory):
    return app_with(tmp_path_factory.mktemp("model"), valuation=valuation).test_client()


def priced(client, body):
    """The answer to `body`, which must be a price or a list of them."""
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_the_example_has_a_price_inside_its_interval(client):
    prediction = priced(client, EXAMPLE)
    low, high = prediction["interval"]["low"], prediction["interval"]["high"]
    assert 1_000 < low <= prediction["price"] <= high < 60_000


def test_a_list_is_priced_as_its_listings_are_one_by_one(client):
    listings = [{**EXAMPLE, "year": 1990 + n % 30, "odometer": 500 * n} for n in range(1000)]
    together = priced(client, listings)["predictions"]
    for listing, prediction in list(zip(listings, together))[::50]:
        alone = priced(client, listing)
        for name in ("price", "interval", "warnings"):
            assert prediction[name] == alone[name]


def test_an_unseen_model_is_priced_with_a_warning(client):
    prediction = priced(client, {**REQUIRED, "model": "zyxwv 3000"})
    assert prediction["price"] > 0 and any("zyxwv" in warning for warning in prediction["warnings"])


def test_the_spelling_of_a_make_does_not_change_the_price(client):
    plain, shouted = priced(client, REQUIRED), priced(client, {**REQUIRED, "manufacturer": "HONDA"})
    assert plain["price"] == shouted["price"] and plain["warnings"] == shouted["warnings"]


def test_ready_model_and_suggestions_answer_from_the_real_model(client):
    assert client.get("/ready").get_json()["example"]["price"] > 0
    assert client.get("/model").get_json()["facts"]["family"] == "xgboost"
    models = client.get("/suggestions?manufacturer=honda").get_json()["models"]
    assert 0 < len(models) <= 40


def any_value(column):
    """Values that the request check lets through for `column`."""
    if column.kind == "integer":
        return st.integers(column.minimum, column.maximum or 2027)
    return st.sampled_from(column.levels or ("x",)) | st.text(max_size=40)


@given(
    st.fixed_dictionaries(
        {c.name: any_value(c) for c in FEATURES if c.required},
        optional={
            "posting_date": st.datetimes().map(lambda d: d.isoformat()),
            **{c.name: st.none() | any_value(c) for c in FEATURES if not c.required},
        },
    )
)
def test_whatever_passes_the_check_can_be_priced(client, listing):
    answer = client.post("/predict", data=json.dumps(listing), content_type="application/json")
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        content = answer.get_json()
        assert 0 < content["interval"]["low"] <= content["price"] <= content["interval"]["high"]


def test_a_saved_model_is_served_and_a_damaged_one_is_not(valuation, tmp_path, caplog):
    holder = ModelHolder()
    watcher = ModelWatcher(tmp_path, holder, load)
    for version in ("1", "2"):
        save(valuation, tmp_path / "versions" / version)
    write_json(tmp_path / "current.json", {"version": "1", "folder": "versions/1"})
    assert watcher.refresh() and holder.current().valuation.price_one(EXAMPLE).price > 0
    damaged = tmp_path / "versions" / "2" / "price.ubj"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    write_json(tmp_path / "current.json", {"version": "2", "folder": "versions/2"})
    assert not watcher.refresh()
    assert holder.current().version == "1" and "price.ubj" in caplog.text
