"""Day by day, with any `map`, the results are those of the whole table."""

import pickle

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from unit_tests.helpers import tiny
from unit_tests.helpers.store import one_row, stored, write_listings
from vehicle_price.contract.check import check
from vehicle_price.features.deduplication import first_postings
from vehicle_price.pipelines import by_day
from vehicle_price.storage.dataset import dataset_days, read_day, read_listings
from vehicle_price.storage.errors import StorageError
from vehicle_price.training.split import TrainingError, split_cars


@pytest.fixture(name="uri", scope="module")
def fixture_uri(tmp_path_factory) -> str:
    """The 6,000 listings of the tiny model, stored."""
    return stored(tmp_path_factory.mktemp("data"), tiny.raw()).uri


def sent(function, items):
    """A `map` that does what an engine does: everything is sent as bytes, there and back."""
    for item in items:
        send = pickle.dumps((function, item))
        there, received = pickle.loads(send)
        yield pickle.loads(pickle.dumps(there(received)))


def on_dask(function, items):
    """A `map` that is a graph of Dask's."""
    dask = pytest.importorskip("dask", reason="Dask is not installed: make scale")
    tasks = [dask.delayed(function)(item) for item in items]
    return dask.compute(*tasks, scheduler="synchronous")


@pytest.mark.parametrize("map_days", [map, sent, on_dask])
def test_the_first_cars_of_all_days_are_those_of_the_table(uri, map_days):
    cars = by_day.first_cars(dataset_days(uri), map_days)
    listings = read_listings(uri)
    assert 500 < len(cars) < 0.7 * len(listings)
    assert_frame_equal(cars, first_postings(listings), check_exact=True)


def test_a_later_day_in_an_eastern_state_may_hold_the_earlier_posting(tmp_path):
    """The days are the sellers', the order is that of time."""
    rows = {"west": "2021-04-10T23:30:00-0700", "east": "2021-04-11T00:10:00-0400"}
    listings = [one_row(id=name, posting_date=date, VIN=None) for name, date in rows.items()]
    uri = stored(tmp_path, pd.concat(listings, ignore_index=True)).uri
    days = dataset_days(uri)
    assert [day.file.day for day in days] == ["2021-04-10", "2021-04-11"]
    assert by_day.first_cars(days)["id"].tolist() == ["east"]
    assert_frame_equal(by_day.first_cars(days), first_postings(read_listings(uri)))


def test_a_store_without_accepted_listings_has_no_cars_and_says_so(tmp_path):
    checked = [check(one_row(price="0"))]
    uri = write_listings(tmp_path, checked, {"source": "test"}, may_be_empty=True).uri
    cars = by_day.first_cars(dataset_days(uri))
    assert cars.empty and list(cars) == list(read_listings(uri))
    with pytest.raises(TrainingError, match="0 different cars"):
        split_cars(cars)


def test_the_prices_of_all_days_are_those_of_the_table(uri):
    valuation, listings = tiny.valuation("xgboost"), read_listings(uri)
    whole = pd.concat([listings["id"], valuation.price_frame(listings)], axis=1)
    days = pd.concat([by_day.price_day(valuation, day) for day in dataset_days(uri)])
    assert_frame_equal(
        days.sort_values("id", ignore_index=True),
        whole.sort_values("id", ignore_index=True),
        check_exact=True,
    )


def test_a_damaged_day_is_named(tmp_path):
    (day,) = dataset_days(stored(tmp_path, one_row()).uri)
    path = tmp_path / "listings/accepted" / day.file.path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageError, match=day.file.day):
        read_day(day)
