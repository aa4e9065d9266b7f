"""The promotion gate cannot be fooled: each sabotage is refused for the right reason."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers.sabotage import SABOTAGES, Sabotaged
from vehicle_price.contract.check import check
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.gate.decision import Challenger, Decision, decide
from vehicle_price.model.valuation import Valuation
from vehicle_price.sources.sample.source import generate
from vehicle_price.training.fit import fit
from vehicle_price.training.split import Split, split_by_time

ROWS, SEED = 20_000, 20


@cache
def halves() -> Split:
    """About 7,500 earlier and 2,000 later cars: enough for segments."""
    return split_by_time(check(generate(ROWS, SEED)).accepted.to_pandas())


def fitted(train: pd.DataFrame) -> Valuation:
    """A model after a short fit."""
    return fit(train, "xgboost", SEED, 1, {"rounds": 300, "max_depth": 7})


@cache
def honest() -> Valuation:
    """A model that the gate promotes over `production`."""
    return fitted(halves().train)


@cache
def production() -> Valuation:
    """A weaker model, with the figures of its training run."""
    train, test = halves().train, halves().test
    some = train.sample(frac=0.5, random_state=1).sort_index().reset_index(drop=True)
    weak = fit(some, "xgboost", 1, 1, {"rounds": 60})
    measured = metrics(test["price"].to_numpy(), weak.price_frame(test)["price"].to_numpy())
    return replace(weak, facts=weak.facts | {"metrics": measured})


def decided(twin, train=None, test=None, refit=None) -> Decision:
    """The gate's decision on a challenger of the weaker model; the twin is its own refit."""
    train = halves().train if train is None else train
    test = halves().test if test is None else test
    challenger = Challenger(twin, twin if refit is None else refit)
    return decide({"2": challenger}, production(), train, test)


def refusals(decision: Decision) -> list[str]:
    """The reasons of a refusal."""
    assert not decision.promoted
    return [reason for reason in decision.reasons if reason.startswith("refused: ")]


@cache
def honest_refit() -> Valuation:
    """The honest model's refit on every car."""
    return fitted(halves().all_cars)


def test_the_honest_model_is_promoted():
    decision = decided(honest(), refit=honest_refit())
    assert decision.promoted, decision.reasons


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("one make at a constant price", "refit's MAE on make toyota"),
        ("one state at half price", "of state ca is -"),
        ("an interval from $1 to a hundred million", "refit's interval is"),
        ("a narrow lie of an interval", "refit's interval is"),
        ("all prices 5 % too high", "refit's median price of all cars"),
        ("not a number", "not all numbers"),
        ("prices in cents", "refit's median price of all cars"),
    ],
)
def test_a_refit_that_is_not_what_its_twin_was_measured_as_is_refused(name, reason):
    change = next(sabotage.change for sabotage in SABOTAGES if sabotage.name == name)
    decision = decided(honest(), refit=Sabotaged(honest_refit(), change))
    reasons = refusals(decision)
    assert all("refit" in text for text in reasons) and not decision.harmless
    assert [text for text in reasons if reason in text], reasons


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("not monotone in miles", "dearer with more miles"),
        ("a better condition is cheaper", "cheaper in a better condition"),
    ],
)
def test_the_refit_is_probed_and_not_only_its_twin(name, reason):
    change = next(sabotage.change for sabotage in SABOTAGES if sabotage.name == name)
    decision = decided(honest(), refit=Sabotaged(honest_refit(), change))
    assert [text for text in refusals(decision) if reason in text], decision.reasons
    assert not decision.harmless


def test_a_refit_on_the_prices_of_other_cars_is_refused():
    cars = halves().all_cars
    prices = np.random.default_rng(0).permutation(cars["price"])
    reasons = refusals(decided(honest(), refit=fitted(cars.assign(price=prices))))
    assert [text for text in reasons if "refit's MAE on all cars" in text], reasons


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_a_sabotaged_model_is_refused_for_the_right_reason(sabotage):
    decision = decided(Sabotaged(honest(), sabotage.change))
    reasons = [r.removeprefix("refused: ") for r in decision.reasons if not r.startswith("ok")]
    assert not decision.promoted
    assert [reason for reason in reasons if sabotage.reason in reason], reasons


def test_a_feed_in_kilometres_is_noticed_by_production():
    changed = [
        half.assign(odometer=(half["odometer"] * 1.609).astype("int64").clip(upper=500_000))
        for half in (halves().train, halves().test)
    ]
    reasons = refusals(decided(fitted(changed[0]), *changed))
    assert [r for r in reasons if "the median odometer is" in r], reasons


def test_exchanged_makes_in_training_and_test_alike_are_noticed_by_production():
    other = {"ford": "honda", "honda": "ford", "toyota": "bmw", "bmw": "toyota"}
    changed = [
        half.assign(manufacturer=half["manufacturer"].replace(other))
        for half in (halves().train, halves().test)
    ]
    reasons = refusals(decided(fitted(changed[0]), *changed))
    assert [r for r in reasons if "like those that it was measured on" in r], reasons


def test_a_price_in_the_model_text_is_noticed():
    changed = [
        half.assign(model=half["model"].fillna("") + " $" + half["price"].astype(str))
        for half in (halves().train, halves().test)
    ]
    reasons = refusals(decided(fitted(changed[0]), *changed))
    assert [r for r in reasons if "holds their price" in r], reasons


def test_test_rows_with_a_jittered_odometer_in_training_leave_nothing_to_measure():
    test = halves().test
    jittered = test.assign(odometer=test["odometer"] + 37)
    cheat = fitted(pd.concat([halves().train, jittered], ignore_index=True))
    (reason,) = refusals(decided(cheat))
    assert "only 0 of" in reason


def test_its_own_test_rows_and_shuffled_labels_are_refused():
    train = halves().train
    cheat = fitted(pd.concat([train, halves().test], ignore_index=True))
    assert "only 0 of" in refusals(decided(cheat))[0]
    prices = np.random.default_rng(0).permutation(train["price"])
    assert "MAE" in refusals(decided(fitted(train.assign(price=prices))))[0]
