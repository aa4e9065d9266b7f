"""Split by car and time, fit to the last bit, calibrate to what is promised."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit_tests.helpers import tiny
from vehicle_price.contract.check import check
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.features.deduplication import NO_VIN, car_hashes, seen
from vehicle_price.model.valuation import Valuation
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.training.fit import (
    MIN_CARS,
    TEST_SHARE,
    Split,
    TrainingError,
    conformal_margin,
    fit,
    split,
)

EACH_FAMILY = pytest.mark.parametrize("family", FAMILY_NAMES)


def assert_fair(halves: Split, listings: pd.DataFrame) -> None:
    """Test cars are posted on later days, and nobody posted them before."""
    train, test = halves.train, halves.test
    assert train["posting_day"].max() < halves.first_test_day == test["posting_day"].min()
    assert not seen(test, car_hashes(train)).any()
    before = listings[listings["posting_day"] < halves.first_test_day]
    assert len(before) > len(train) and not seen(test, car_hashes(before)).any()
    cars = len(train) + len(test)
    assert TEST_SHARE <= len(test) / cars < TEST_SHARE + 0.15
    for half in (train, test):
        described, vin = car_hashes(half).T
        assert len(set(described)) == len(half)
        assert len(set(vin[vin != NO_VIN])) == (vin != NO_VIN).sum()


def model_bytes(valuation: Valuation) -> list[object]:
    """All that is written to disk of a model."""
    boosters = (valuation.price_booster, valuation.interval_booster)
    plain = (valuation.tables, valuation.interval_margin, valuation.facts)
    return [bytes(b.save_raw("ubj")) for b in boosters] + [repr(p) for p in plain]


def test_the_samples_test_cars_are_later_and_unseen():
    assert_fair(tiny.halves(), tiny.accepted())


@pytest.mark.parametrize(
    "name", ["craigslist-carstrucks-data.zip", "craigslist_2020_sample.csv.gz"]
)
def test_the_real_test_cars_are_later_and_unseen(real_data, name):
    batches = SOURCES["file"].read(SourceQuery(data=str(real_data / name)), Settings())
    listings = pd.concat(
        [check(batch).accepted.to_pandas() for batch in batches], ignore_index=True
    )
    assert_fair(split(listings), listings)


def test_a_repost_on_a_later_day_is_not_tested_on():
    """By description for one car, by VIN with another mileage for the other."""
    halves = tiny.halves()
    again = halves.train[halves.train["VIN"].notna()].head(2).copy()
    again["posting_date"] = halves.test["posting_date"].max()
    again["posting_day"] = halves.test["posting_day"].max()
    again["id"] = ["x1", "x2"]
    again.iloc[0, again.columns.get_loc("VIN")] = None
    again.iloc[1, again.columns.get_loc("odometer")] += 1_000
    after = split(pd.concat([tiny.accepted(), again], ignore_index=True))
    assert after.test.equals(halves.test) and after.train.equals(halves.train)


def test_the_order_of_the_listings_does_not_matter():
    shuffled = split(tiny.accepted().sample(frac=1, random_state=5))
    assert shuffled.train.equals(tiny.halves().train)
    assert shuffled.test.equals(tiny.halves().test)


def test_too_few_cars_are_refused_with_their_number():
    few = tiny.halves().train.head(MIN_CARS - 1)
    with pytest.raises(TrainingError, match=f"^{MIN_CARS - 1} different cars .* {MIN_CARS} cars"):
        split(few)
    with pytest.raises(TrainingError, match="^499 different cars"):
        split(pd.concat([few, few.assign(id="again")]))  # reposts are not more cars


def test_a_single_day_is_refused_because_nothing_is_later():
    with pytest.raises(TrainingError, match="on 1 days; .* 2 days"):
        split(tiny.halves().train.assign(posting_day="2021-04-04"))


@pytest.mark.parametrize("early", [1, 99, -99, -1])
def test_days_that_leave_one_side_with_hardly_a_car_are_refused(early):
    cars = tiny.halves().train.copy()
    cars["posting_day"] = ["2021-04-04"] * (early % len(cars)) + ["2021-04-05"] * (
        -early % len(cars)
    )
    with pytest.raises(TrainingError, match=r"\b(1|99) (cars posted before|from then on)"):
        split(cars)


def test_two_days_are_enough_when_both_have_cars():
    cars = tiny.halves().train.copy()
    cars["posting_day"] = ["2021-04-04"] * 200 + ["2021-04-05"] * (len(cars) - 200)
    halves = split(cars)
    assert (len(halves.train), halves.first_test_day) == (200, "2021-04-05")


@EACH_FAMILY
def test_the_same_data_and_seed_give_the_same_model_and_metrics(family):
    one, two = tiny.valuation(family), tiny.fitted(tiny.halves().train.copy(), family)
    assert model_bytes(one) == model_bytes(two)
    test = tiny.halves().test
    first, second = (
        metrics(test["price"].to_numpy(), v.price_frame(test)["price"].to_numpy())
        for v in (one, two)
    )
    assert first == second


@EACH_FAMILY
def test_another_seed_gives_another_model(family):
    one, two = tiny.valuation(family), tiny.fitted(tiny.halves().train, family, seed=21)
    assert model_bytes(one)[0] != model_bytes(two)[0]
    assert not one.price_frame(tiny.halves().test).equals(two.price_frame(tiny.halves().test))


def test_a_model_remembers_the_cars_it_was_fitted_on_and_no_others():
    valuation, halves = tiny.valuation("xgboost"), tiny.halves()
    assert seen(halves.train, valuation.seen_cars).all()
    assert not seen(halves.test, valuation.seen_cars).any()
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


INTERVALS = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(0, 4), st.floats(-9, 9)), min_size=1, max_size=40
)


@given(INTERVALS, st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_margin_is_the_smallest_that_covers_enough_rows(drawn, coverage):
    low, width, actual = np.array(drawn).T
    interval = np.column_stack([low, low + width])
    margin = conformal_margin(interval, actual, coverage)

    def covered(margin: float) -> int:
        inside = (low - margin - 1e-9 <= actual) & (actual <= low + width + margin + 1e-9)
        return int(inside.sum())

    needed = min(math.ceil((len(actual) + 1) * coverage), len(actual))
    assert covered(margin) >= needed
    assert covered(margin - 1e-6) < needed


def test_the_margin_keeps_its_promise_for_new_rows():
    """Coverage of a fresh row is between 0.9 and 0.9 + 1 / (rows + 1), on average."""
    rng = np.random.default_rng(7)
    held = []
    for _ in range(3_000):
        actual = rng.gumbel(size=40)
        interval = np.tile([-0.3, 0.6], (40, 1))
        margin = conformal_margin(interval[:-1], actual[:-1], 0.9)
        held.append(-0.3 - margin <= actual[-1] <= 0.6 + margin)
    assert 0.9 - 0.015 < np.mean(held) < 0.9 + 1 / 40 + 0.015


def test_an_interval_that_is_too_wide_is_narrowed():
    interval, actual = np.tile([-10.0, 10.0], (99, 1)), np.linspace(-1, 1, 99)
    assert conformal_margin(interval, actual, 0.9) < -9


def test_with_fewer_rows_than_needed_the_worst_of_them_is_covered():
    interval, actual = np.tile([0.0, 1.0], (5, 1)), np.array([0.5, 1.5, 3.0, -1.0, 0.2])
    assert conformal_margin(interval, actual, 0.9) == 2.0
