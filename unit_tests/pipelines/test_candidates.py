"""Which versions may take part in the gate's comparison."""

import time
from dataclasses import replace

import pytest

from unit_tests.helpers import tiny
from vehicle_price.pipelines import candidates
from vehicle_price.pipelines.candidates import CheckedModel, CheckedVersion
from vehicle_price.registry.client import ModelVersion
from vehicle_price.settings import Settings

ALL_CARS = {"trained_cars": len(tiny.halves().all_cars), "last_day": "2021-05-04"}


def model(megabytes: float = 5.0, source: str = "file", **facts: object) -> CheckedVersion:
    """The tiny model and its refit as version 7; the twin has these facts."""
    valuation = tiny.valuation("xgboost")
    data = {"sha256": "5a", "provenance": {"source": source}}
    twin = replace(valuation, facts=valuation.facts | {"data": data} | facts)
    serving = replace(twin, facts=twin.facts | ALL_CARS)
    version = ModelVersion("vehicle-price", "7", "run", ())
    return CheckedVersion(
        version, CheckedModel(serving, [], megabytes), CheckedModel(twin, [], megabytes)
    )


def serving_with(version: CheckedVersion, **facts: object) -> CheckedVersion:
    """The version with other facts of the model that serves."""
    valuation = version.serving.valuation
    other = replace(valuation, facts=valuation.facts | facts)
    return version._replace(serving=version.serving._replace(valuation=other))


def test_a_rule_excludes_a_model_with_its_first_reason():
    rules = [lambda _: "", lambda _: "is too old", lambda _: "is too large"]
    assert candidates.admitted({"7": model()}, rules) == ({}, ["refused: version 7 is too old"])
    kept, reasons = candidates.admitted({"7": model()}, [lambda _: ""])
    assert list(kept) == ["7"] and not reasons


@pytest.mark.parametrize(
    ("rival", "challenger", "excluded"),
    [
        (None, "sample", False),
        ("sample", "sample", False),
        ("sample", "file", False),
        ("file", "mongodb", False),
        ("kaggle", "sample", True),
    ],
)
def test_the_sample_never_replaces_real_listings(rival, challenger, excluded):
    rule = candidates.market_rule(rival and model(source=rival))
    assert bool(rule(model(source=challenger))) == excluded


def test_a_model_without_a_market_never_replaces_real_listings():
    without = model(data={})
    assert without.market == "" and candidates.market_rule(model())(without)


def test_a_twin_must_have_learnt_before_the_test_days_from_the_dataset_it_says():
    cars = tiny.halves()
    rule, first_test_day = candidates.training_rule("5a", cars), cars.first_test_day
    assert rule(model()) == ""
    assert f"the test days begin on {first_test_day}" in rule(model(last_day=first_test_day))
    other = candidates.training_rule("6b", cars)
    assert "another dataset than 6b" in other(model())


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"data": {"sha256": "6b"}}, "another dataset than 5a"),
        ({"trained_cars": 500}, "has learnt from 500 cars, and not from every car"),
        ({"seed": 99}, "differs from its twin in seed"),
        ({"family": "random_forest", "parameters": {}}, "differs from its twin in family and para"),
    ],
)
def test_what_serves_must_have_learnt_from_every_car_by_the_twins_recipe(facts, reason):
    rule = candidates.training_rule("5a", tiny.halves())
    assert reason in rule(serving_with(model(), **facts))


def test_a_version_without_a_twin_has_seen_the_test_days_or_not_every_car():
    rule = candidates.training_rule("5a", tiny.halves())
    version = model()
    assert "the test days begin on" in rule(version._replace(twin=version.serving))
    assert "not from every car" in rule(version._replace(serving=version.twin))


def test_a_model_ten_times_larger_than_allowed_is_excluded():
    rule = candidates.size_rule(Settings(model_max_mb=10))
    assert rule(model(9.0)) == ""
    assert rule(model(100.0)) == "has 100.0 MB; MODEL_MAX_MB=10"


def test_a_model_ten_times_slower_than_allowed_is_excluded():
    honest = model()

    class Slow:
        """Waits before each price."""

        def price_one(self, listing):
            """The price, late."""
            time.sleep(0.02)  # ten times what the default setting allows
            return honest.serving.valuation.price_one(listing)

    assert candidates.size_rule(Settings(model_max_milliseconds=1_000))(honest) == ""
    slow = honest._replace(serving=honest.serving._replace(valuation=Slow()))
    assert "MODEL_MAX_MILLISECONDS=2" in candidates.size_rule(Settings())(slow)
