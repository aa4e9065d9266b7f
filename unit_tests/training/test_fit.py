"""The same data and seed give the same model; a model says what it was fitted on."""

import json

import numpy as np
import pytest

from unit_tests.helpers import tiny
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.features.deduplication import NO_VIN, is_seen
from vehicle_price.model.valuation import Valuation
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.training.fit import fit

EACH_FAMILY = pytest.mark.parametrize("family", FAMILY_NAMES)


def model_bytes(valuation: Valuation) -> list[object]:
    """All that is written to disk of a model."""
    boosters = (valuation.price_booster, valuation.interval_booster)
    plain = (valuation.tables, valuation.interval_margin, valuation.facts)
    return [bytes(b.save_raw("ubj")) for b in boosters] + [repr(p) for p in plain]


@EACH_FAMILY
def test_the_same_data_and_seed_give_the_same_model_and_metrics(family):
    valuation, refitted = tiny.valuation(family), tiny.fitted(tiny.halves().train.copy(), family)
    assert model_bytes(valuation) == model_bytes(refitted)
    test = tiny.halves().test
    first, second = (
        metrics(test["price"].to_numpy(), v.price_frame(test)["price"].to_numpy())
        for v in (valuation, refitted)
    )
    assert first == second


@EACH_FAMILY
def test_another_seed_gives_another_model(family):
    valuation, other_seed = tiny.valuation(family), tiny.fitted(
        tiny.halves().train, family, seed=21
    )
    assert model_bytes(valuation)[0] != model_bytes(other_seed)[0]
    assert not valuation.price_frame(tiny.halves().test).equals(
        other_seed.price_frame(tiny.halves().test)
    )


def test_a_model_remembers_the_cars_it_was_fitted_on_and_no_others():
    valuation, halves = tiny.valuation("xgboost"), tiny.halves()
    assert is_seen(halves.train, valuation.seen_cars).all()
    assert not is_seen(halves.test, valuation.seen_cars).any()
    assert NO_VIN not in valuation.seen_cars and valuation.seen_cars.dtype == np.uint64


@EACH_FAMILY
def test_the_facts_say_what_the_model_is_made_of(family):
    facts, train = tiny.valuation(family).facts, tiny.halves().train
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["family"], facts["seed"], facts["trained_cars"]) == (family, 20, len(train))
    assert facts["parameters"].items() >= tiny.FEW_TREES[family].items()
    assert facts["first_day"] < facts["last_day"] < tiny.halves().first_test_day
    assert facts["ranges"]["year"] == [train["year"].min(), train["year"].max()]
    civics = [m for m in facts["suggestions"]["honda"] if m.startswith("civic")]
    assert civics and len(facts["suggestions"]["honda"]) <= 40


@pytest.mark.parametrize("empty", ["condition", "model", "VIN", "region", "state", "type"])
def test_listings_that_all_lack_a_column_can_be_trained_on(empty):
    train = tiny.halves().train.head(600).assign(**{empty: None})
    valuation = fit(train, "xgboost", 1, 1, {"rounds": 5})
    assert (valuation.price_frame(tiny.halves().test)["price"] > 0).all()


def test_listings_of_one_make_can_be_trained_on():
    train = tiny.halves().train.head(600).assign(manufacturer="ford", model="f-150")
    assert (fit(train, "xgboost", 1, 1, {"rounds": 5}).price_frame(train)["price"] > 500).all()
