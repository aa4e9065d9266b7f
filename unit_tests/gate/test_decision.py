"""The gate promotes a model that is really better, and refuses others with the reason."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.gate.decision import (
    MIN_CARS,
    Challenger,
    Decision,
    decide,
    first_half,
    unseen_cars,
)
from vehicle_price.model.valuation import Valuation
from vehicle_price.training.fit import fit


class ConstantScorer:
    """A scorer with the same score for every listing."""

    def __init__(self, log_price: float) -> None:
        self.log_price = log_price

    def score(self, inputs):
        """The constant, for each row and output."""
        return np.full((len(inputs), 3), self.log_price)


class BiasedModel:
    """A model whose error is a constant in US dollars, too much or too little by its id; it was
    fitted on no cars. Its interval holds nine in ten prices."""

    seen_cars = np.array([], np.uint64)

    def __init__(self, dollars: object) -> None:
        self.dollars = dollars
        mae = float(np.mean(np.abs(dollars)))
        self.facts = {"last_day": "", "metrics": {"mae": mae}}

    def price_frame(self, cars):
        """The right price plus or minus the error."""
        number = pd.util.hash_pandas_object(cars["id"], index=False).to_numpy()
        dollars = self.dollars if np.isscalar(self.dollars) else cars["id"].map(self.dollars)
        price = cars["price"] + dollars * np.where(number % 2, 1, -1)
        width = np.where(number % 10, 10_000, 0)
        return pd.DataFrame({"price": price, "low": price - width, "high": price + width})


def good() -> Valuation:
    """The tiny model."""
    return tiny.valuation("xgboost")


@cache
def poor() -> Valuation:
    """Forty trees on a quarter of the cars."""
    return fit(tiny.halves().train.head(550), "xgboost", 1, 1, {"rounds": 40})


def decided(challengers: dict[str, object], production: object = None) -> Decision:
    """The gate's decision on the tiny split; each challenger is its own refit."""
    halves = tiny.halves()
    refitted = {number: Challenger(model, model) for number, model in challengers.items()}
    return decide(refitted, as_trained(production), halves.train, halves.test)


def as_trained(model: object) -> object:
    """The model with the figures of its training run, which the gate reads of production."""
    if not isinstance(model, Valuation):
        return model
    test = tiny.halves().test
    measured = metrics(test["price"], model.price_frame(test)["price"])
    return replace(model, facts=model.facts | {"metrics": measured})


def refusals(decision: Decision) -> list[str]:
    """The reasons for a refusal."""
    assert not decision.promoted
    return [reason for reason in decision.reasons if not reason.startswith("ok: ")]


@pytest.fixture(name="shuffled", scope="module")
def _shuffled():
    """A model fitted to the prices of other cars."""
    train = tiny.halves().train
    prices = np.random.default_rng(0).permutation(train["price"])
    return tiny.fitted(train.assign(price=prices))


def test_the_first_model_is_promoted_when_it_beats_the_baseline():
    decision = decided({"1": good()})
    assert (decision.promoted, decision.version) == (True, "1")
    assert decision.cars == len(tiny.halves().test)
    assert decision.measured["1"]["mae"] < decision.measured["baseline"]["mae"]
    assert all(reason.startswith("ok: ") for reason in decision.reasons)


def test_a_first_model_that_learnt_shuffled_prices_is_refused(shuffled):
    reasons = refusals(decided({"1": shuffled}))
    assert reasons[0].startswith("refused: MAE ") and "of baseline" in reasons[0]


def test_a_challenger_that_learnt_shuffled_prices_is_refused(shuffled):
    decision = decided({"2": shuffled}, good())
    assert len(refusals(decision)) >= 2 and "of production" in refusals(decision)[0]
    assert decision.measured["2"]["mae"] > 1.5 * decision.measured["production"]["mae"]


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("log_price", [np.nan, np.inf, -np.inf, 1e6])
def test_a_model_without_numbers_is_refused_first_and_later(log_price):
    broken = replace(good(), scorer=ConstantScorer(log_price))
    for production in (None, good()):
        decision = decided({"2": broken}, production)
        assert refusals(decision)
        if not log_price < 0:  # exp(-inf) is a price of 0, which is a number
            assert "is not a number" in decision.reasons[0] and "mae" in decision.reasons[0]
        json.dumps(decision.as_dict(), allow_nan=False)


def test_a_broken_challenger_does_not_stand_in_a_good_ones_way(shuffled):
    broken = replace(good(), scorer=ConstantScorer(np.nan))
    for order in (["1", "2", "3"], ["3", "2", "1"]):
        models = {"1": broken, "2": good(), "3": shuffled}
        decision = decided({version: models[version] for version in order})
        assert decision.promoted and decision.version == "2"
        assert set(decision.measured) == {"1", "2", "3", "baseline"}


def test_a_challenger_scored_on_its_own_training_rows_is_refused():
    test = tiny.halves().test
    cheat = tiny.fitted(pd.concat([tiny.halves().train, test], ignore_index=True))
    for production in (None, poor()):
        reasons = refusals(decided({"9": cheat}, production))
        assert len(reasons) == 1
        assert f"only 0 of {len(test)} held-out cars are later than" in reasons[0]


def test_cars_that_production_was_trained_on_are_left_out():
    halves = tiny.halves()
    newer = pd.concat([halves.train, halves.test.head(100)], ignore_index=True)
    production = tiny.fitted(newer)
    decision = decided({"2": good()}, production)
    unseen = unseen_cars(halves.test, {"2": good(), "production": production})
    later = halves.test["posting_day"] > newer["posting_day"].max()
    assert unseen.equals(halves.test[later].reset_index(drop=True))
    assert MIN_CARS < decision.cars == len(unseen) < len(halves.test) - 100
    expected = metrics(unseen["price"], production.price_frame(unseen)["price"])
    assert decision.measured["production"].items() >= expected.items()


def test_with_too_few_unseen_cars_nothing_is_promoted():
    halves = tiny.halves()
    challengers = {"1": Challenger(good(), good())}
    enough = decide(challengers, None, halves.train, halves.test.head(MIN_CARS))
    few = decide(challengers, None, halves.train, halves.test.head(MIN_CARS - 1))
    assert enough.promoted
    assert refusals(few) == few.reasons and "only 199 of 199 held-out cars" in few.reasons[0]
    assert (few.measured, few.cars) == ({}, 199)
    json.dumps(few.as_dict(), allow_nan=False)


def test_an_identical_challenger_is_not_promoted():
    decision = decided({"2": good()}, good())
    assert decision.measured["2"] == decision.measured["production"]
    assert len(refusals(decision)) == 2 and decision.harmless


def test_a_better_challenger_is_promoted_and_a_worse_one_is_not():
    assert decided({"2": good()}, poor()).promoted
    assert refusals(decided({"2": poor()}, good()))


def test_the_best_challenger_is_taken_whatever_the_order():
    for order in (["3", "4"], ["4", "3"]):
        models = {"3": poor(), "4": good()}
        assert decided({v: models[v] for v in order}, BiasedModel(9_000)).version == "4"


@pytest.mark.parametrize(("error", "promoted"), [(995, False), (991, False), (989, True)])
def test_production_must_be_beaten_by_the_stated_margin(error, promoted):
    decision = decided({"2": BiasedModel(error)}, BiasedModel(1_000))
    assert decision.promoted is promoted
    assert "at most 990 needed (1% better)" in decision.reasons[0]


def test_a_gain_that_a_few_cars_make_is_not_enough():
    test = tiny.halves().test
    lucky, production = (pd.Series(dollars, test["id"]) for dollars in (1_020.0, 1_000.0))
    confirms = test["id"][int(np.argmin(first_half(test)))]
    lucky[confirms], production[confirms] = 0.0, 40_000.0
    reasons = refusals(decided({"2": BiasedModel(lucky)}, BiasedModel(production)))
    assert reasons[0].startswith("refused: gain over production")


def test_cars_of_one_region_and_day_choose_or_confirm_together():
    cars = tiny.halves().test
    chooses = first_half(cars)
    sides = (
        pd.Series(chooses).groupby([cars["region"], cars["posting_day"]], dropna=False).nunique()
    )
    assert (sides == 1).all() and 0.4 < chooses.mean() < 0.6
    assert (first_half(cars.sample(frac=1, random_state=1)).sum()) == chooses.sum()
    alike = first_half(cars.assign(region="boise", posting_day="2021-05-01"))
    assert 0.4 < alike.mean() < 0.6  # by car


def test_a_model_whose_interval_lies_is_refused():
    narrow = replace(good(), interval_margin=-5.0)
    decision = decided({"2": narrow}, poor())
    reasons = refusals(decision)
    assert "the interval holds 0." in reasons[0] and not decision.harmless


def test_a_production_model_without_numbers_is_no_reason_to_compare_with_the_baseline():
    broken = replace(good(), scorer=ConstantScorer(np.nan))
    decision = decided({"2": good()}, broken)
    (reason,) = refusals(decision)
    assert reason.startswith("refused: production's MAE is not a number")
    assert "vehicle-price promote" in reason and not decision.harmless
    assert decision.as_dict()["measured"]["production"]["mae"] is None


def test_the_figures_a_model_brings_along_play_no_part(shuffled):
    boasting = replace(shuffled, facts=shuffled.facts | {"metrics": {"mae": 1.0}})
    assert decided({"2": boasting}, good()).measured == decided({"2": shuffled}, good()).measured


def test_the_decision_is_the_same_each_time_and_json():
    first, second = (decided({"1": poor(), "2": good()}).as_dict() for _ in range(2))
    assert first == second == json.loads(json.dumps(first, allow_nan=False))
