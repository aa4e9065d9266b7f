"""After a jump of prices that clients report, the gate judges on the days after it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from vehicle_price.contract.check import check
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.gate.decision import Challenger, Decision, decide
from vehicle_price.model.valuation import Valuation
from vehicle_price.sources.sample.source import generate
from vehicle_price.training import market_level
from vehicle_price.training.fit import fit
from vehicle_price.training.split import TEST_CARS_AFTER_SHIFT, Split, split_by_time

ROWS, SEED = 20_000, 20
JUMP = 1.25
SHIFT = float(np.log(JUMP))
PARAMETERS: dict[str, int | float] = {"rounds": 300, "max_depth": 7}


@cache
def listings() -> pd.DataFrame:
    """Accepted listings of the sample."""
    return check(generate(ROWS, SEED)).accepted.to_pandas()


@cache
def first_dear_day() -> str:
    """The day from which prices are higher: before the test days, and the two days before them."""
    days = np.unique(listings()["posting_day"])
    return str(days[np.searchsorted(days, split_by_time(listings(), SHIFT).first_test_day) - 2])


@cache
def shifted() -> Split:
    """The listings split for a jump of prices, which are higher from `first_dear_day` on."""
    cars = listings()
    dear = cars["posting_day"] >= first_dear_day()
    price = cars["price"].where(~dear, (cars["price"] * JUMP).astype(int))
    return split_by_time(cars.assign(price=price), SHIFT)


@cache
def production() -> Valuation:
    """A model of the days before the jump, with the figures of its training run."""
    cars = shifted().train
    before = cars[cars["posting_day"] < first_dear_day()].reset_index(drop=True)
    model = fit(before, "xgboost", SEED, 1, PARAMETERS)
    prices = model.price_frame(before)["price"].to_numpy() * 1.01  # not to be exact
    return replace(model, facts=model.facts | {"metrics": metrics(before["price"], prices)})


@cache
def challenger() -> Valuation:
    """A model of all days before the test days."""
    return fit(shifted().train, "xgboost", SEED, 1, PARAMETERS)


def decided(model: Valuation, price_shift: float = SHIFT, cars: Split | None = None) -> Decision:
    """The gate's decision on a challenger that is its own refit."""
    cars = cars or shifted()
    new = {"2": Challenger(model, model)}
    return decide(new, production(), cars.train, cars.test, price_shift)


def refusals(decision: Decision) -> str:
    """The reasons of a refusal."""
    assert not decision.promoted
    return "\n".join(reason for reason in decision.reasons if reason.startswith("refused: "))


def test_the_test_days_lie_after_the_jump_and_are_few():
    cars = shifted()
    assert cars.first_test_day > first_dear_day()
    assert TEST_CARS_AFTER_SHIFT <= len(cars.test) < 2 * TEST_CARS_AFTER_SHIFT


def test_a_model_that_has_followed_the_jump_is_promoted():
    decision = decided(challenger())
    assert decision.promoted, decision.reasons
    level = challenger().facts["price_level"]
    assert 0.5 * SHIFT < level < SHIFT  # the rest it has learnt from the dear days


def test_without_its_level_the_model_keeps_too_much_of_the_bias():
    cars, raised_by = shifted(), challenger().facts["price_level"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market_level, "level", lambda *_: 0.0)
        slow = fit(cars.train, "xgboost", SEED, 1, PARAMETERS)
    ratio = challenger().price_frame(cars.test)["price"] / slow.price_frame(cars.test)["price"]
    assert np.log(ratio).median() == pytest.approx(raised_by, abs=0.01)
    assert "from the asked one" in refusals(decided(slow))


def test_a_jump_that_nobody_has_reported_is_taken_for_wrong_listings():
    assert "they are like those that it was measured on" in refusals(decided(challenger(), 0.0))


@pytest.mark.parametrize("reported", [-0.3, 0.6])
def test_listings_that_show_another_jump_than_clients_have_reported_are_refused(reported):
    assert "by feedback" in refusals(decided(challenger(), reported))
