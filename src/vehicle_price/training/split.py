"""Split listings by car and by time: cars to learn from, and later cars to measure a model on."""

from dataclasses import dataclass

import pandas as pd

from vehicle_price.features.deduplication import first_postings

# The test days are the last days that hold this many cars, or this share of fewer cars. With 20,000
# the gate sees gains of `python -m benchmarks.decisions`; more days would make the measured twin
# older without need.
TEST_CARS, TEST_SHARE = 20_000, 0.2
TEST_CARS_AFTER_SHIFT = 1_000  # after a jump of prices, days before it say nothing
MIN_CARS = 500
MIN_SIDE_CARS = 100  # of the training side, and of the test side


class TrainingError(ValueError):
    """The listings cannot be trained on; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Split:
    """Training cars, and test cars that were posted later and never before.

    Both hold the first posting of each car. first_test_day: 'YYYY-MM-DD'. price_shift: as in
    `split_cars`.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    first_test_day: str
    price_shift: float = 0.0

    @property
    def all_cars(self) -> pd.DataFrame:
        """The cars of both sides, which the model that serves learns from."""
        return pd.concat([self.train, self.test], ignore_index=True)


def split_by_time(listings: pd.DataFrame, price_shift: float = 0.0) -> Split:
    """Split accepted listings by car and by time; see `split_cars`."""
    return split_cars(first_postings(listings), price_shift)


def split_cars(cars: pd.DataFrame, price_shift: float = 0.0) -> Split:
    """Split cars, `first_postings` of accepted listings, by time (TEST_CARS, TEST_SHARE).

    price_shift: log(reported / price) by clients' feedback, where that is the cause of the
    training, else 0; then the test days hold TEST_CARS_AFTER_SHIFT, so that they lie after it.
    Raises TrainingError when there are too few cars or days.
    """
    cars_by_day = cars["posting_day"].value_counts().sort_index()
    if len(cars) < MIN_CARS or len(cars_by_day) < 2:
        raise TrainingError(
            f"{len(cars)} different cars posted on {len(cars_by_day)} days; at least {MIN_CARS} "
            "cars on 2 days are needed to train on earlier cars and test on later ones. Give more "
            "data"
        )
    cars_from_day = cars_by_day[::-1].cumsum()
    # The last day that leaves enough later cars; never the first day, whose cars must train.
    test_cars = TEST_CARS_AFTER_SHIFT if price_shift else TEST_CARS
    needed = min(test_cars, TEST_SHARE * len(cars))
    enough = (d for d in cars_from_day.index if cars_from_day[d] >= needed)
    first_test_day = max(str(next(enough, "")), str(cars_by_day.index[1]))
    test = cars["posting_day"] >= first_test_day
    if min(test.sum(), (~test).sum()) < MIN_SIDE_CARS:
        raise TrainingError(
            f"{(~test).sum()} cars posted before {first_test_day} and {test.sum()} from then on; "
            f"at least {MIN_SIDE_CARS} of each are needed. Give listings that spread over more days"
        )
    train_cars, test_cars = cars[~test], cars[test]
    return Split(
        train_cars.reset_index(drop=True),
        test_cars.reset_index(drop=True),
        first_test_day,
        price_shift,
    )
