"""Which versions may take part in the gate's comparison."""

import time
from dataclasses import replace

import pytest

from unit_tests.helpers import tiny
from vehicle_price.pipelines import candidates
from vehicle_price.pipelines.candidates import CheckedModel
from vehicle_price.registry.client import ModelVersion
from vehicle_price.settings import Settings


def model(megabytes: float = 5.0, source: str = "file", **facts: object) -> CheckedModel:
    """The tiny model as version 7, with these facts."""
    valuation = tiny.valuation("xgboost")
    data = {"sha256": "5a", "provenance": {"source": source}}
    valuation = replace(valuation, facts=valuation.facts | {"data": data} | facts)
    return CheckedModel(ModelVersion("vehicle-price", "7", "run", ()), valuation, [], megabytes)


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


def test_a_model_must_have_learnt_before_the_test_days_from_the_dataset_it_says():
    rule = candidates.training_rule("5a", "2021-04-24")
    assert rule(model(last_day="2021-04-23")) == ""
    assert "the test days begin on 2021-04-24" in rule(model(last_day="2021-04-24"))
    other = candidates.training_rule("6b", "2021-04-24")
    assert "another dataset than 6b" in other(model(last_day="2021-04-23"))


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
            return honest.valuation.price_one(listing)

    assert candidates.size_rule(Settings(model_max_milliseconds=1_000))(honest) == ""
    slow = honest._replace(valuation=Slow())
    assert "MODEL_MAX_MILLISECONDS=2" in candidates.size_rule(Settings())(slow)
