"""Test cars are posted later than training cars, and were never posted before."""

import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.contract.check import check
from vehicle_price.features.deduplication import NO_VIN, car_hashes, is_seen
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.training import split
from vehicle_price.training.split import MIN_CARS, TEST_SHARE, Split, TrainingError, split_by_time


def assert_fair(halves: Split, listings: pd.DataFrame) -> None:
    """Test cars are posted on later days, and nobody posted them before."""
    train, test = halves.train, halves.test
    assert train["posting_day"].max() < halves.first_test_day == test["posting_day"].min()
    assert not is_seen(test, car_hashes(train)).any()
    before = listings[listings["posting_day"] < halves.first_test_day]
    assert len(before) > len(train) and not is_seen(test, car_hashes(before)).any()
    cars = len(train) + len(test)
    assert TEST_SHARE <= len(test) / cars < TEST_SHARE + 0.15
    for half in (train, test):
        described, vin = car_hashes(half).T
        assert len(set(described)) == len(half)
        assert len(set(vin[vin != NO_VIN])) == (vin != NO_VIN).sum()


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
    assert_fair(split_by_time(listings), listings)


def test_a_repost_on_a_later_day_is_not_tested_on():
    """By description for one car, by VIN with another mileage for the other."""
    halves = tiny.halves()
    reposts = halves.train[halves.train["VIN"].notna()].head(2).copy()
    reposts["posting_date"] = halves.test["posting_date"].max()
    reposts["posting_day"] = halves.test["posting_day"].max()
    reposts["id"] = ["x1", "x2"]
    reposts.iloc[0, reposts.columns.get_loc("VIN")] = None
    reposts.iloc[1, reposts.columns.get_loc("odometer")] += 1_000
    with_reposts = split_by_time(pd.concat([tiny.accepted(), reposts], ignore_index=True))
    assert with_reposts.test.equals(halves.test) and with_reposts.train.equals(halves.train)


def test_of_many_cars_only_the_last_days_with_enough_of_them_are_test_days(monkeypatch):
    monkeypatch.setattr(split, "TEST_CARS", 300)
    halves, cars = split_by_time(tiny.accepted()), tiny.halves().all_cars
    later = cars["posting_day"] > halves.first_test_day
    assert later.sum() < 300 <= len(halves.test) < len(tiny.halves().test)
    assert len(halves.all_cars) == len(cars)


def test_the_order_of_the_listings_does_not_matter():
    shuffled = split_by_time(tiny.accepted().sample(frac=1, random_state=5))
    assert shuffled.train.equals(tiny.halves().train)
    assert shuffled.test.equals(tiny.halves().test)


def test_too_few_cars_are_refused_with_their_number():
    few = tiny.halves().train.head(MIN_CARS - 1)
    with pytest.raises(TrainingError, match=f"^{MIN_CARS - 1} different cars .* {MIN_CARS} cars"):
        split_by_time(few)
    with pytest.raises(TrainingError, match="^499 different cars"):
        split_by_time(pd.concat([few, few.assign(id="again")]))  # reposts are not more cars


def test_a_single_day_is_refused_because_nothing_is_later():
    with pytest.raises(TrainingError, match="on 1 days; .* 2 days"):
        split_by_time(tiny.halves().train.assign(posting_day="2021-04-04"))


@pytest.mark.parametrize("early", [1, 99, -99, -1])
def test_days_that_leave_one_side_with_hardly_a_car_are_refused(early):
    cars = tiny.halves().train.copy()
    cars["posting_day"] = ["2021-04-04"] * (early % len(cars)) + ["2021-04-05"] * (
        -early % len(cars)
    )
    with pytest.raises(TrainingError, match=r"\b(1|99) (cars posted before|from then on)"):
        split_by_time(cars)


def test_two_days_are_enough_when_both_have_cars():
    cars = tiny.halves().train.copy()
    cars["posting_day"] = ["2021-04-04"] * 200 + ["2021-04-05"] * (len(cars) - 200)
    halves = split_by_time(cars)
    assert (len(halves.train), halves.first_test_day) == (200, "2021-04-05")
