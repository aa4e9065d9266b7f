"""Which listings are the same car."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit_tests.helpers import tiny
from vehicle_price.features.deduplication import NO_VIN, car_hashes, first_postings, is_seen

VIN = "1HGCM82633A004352"
OTHER_VIN = "WDDGJ7HBXEG299575"
CIVIC = {
    "id": "1",
    "manufacturer": "honda",
    "model": "civic ex-l",
    "year": 2014,
    "odometer": 88_000,
    "VIN": None,
    "posting_date": pd.Timestamp("2021-04-10", tz="UTC"),
}


def frame(*changes: dict[str, object]) -> pd.DataFrame:
    """The civic, once for each of the changes to it; posted a day apart unless they say."""
    days = [{"posting_date": pd.Timestamp(2021, 4, 10 + n, tz="UTC")} for n in range(len(changes))]
    return pd.DataFrame([CIVIC | day | change for day, change in zip(days, changes, strict=True)])


def kept_ids(*changes: dict[str, object]) -> list[str]:
    """The ids of the first postings of cars numbered from 0."""
    rows = [{"id": str(n)} | change for n, change in enumerate(changes)]
    return first_postings(frame(*rows))["id"].tolist()


def test_one_description_is_one_car_however_it_is_spelt_and_priced():
    assert kept_ids({}, {"model": "Civic EXL"}, {"model": "honda civic, ex-l", "price": 1}) == ["0"]


@pytest.mark.parametrize(
    "change",
    [{"year": 2015}, {"odometer": 88_001}, {"model": "civic lx"}, {"manufacturer": "acura"}],
)
def test_another_description_is_another_car(change):
    assert kept_ids({}, change) == ["0", "1"]


def test_one_vin_is_one_car_in_either_case():
    assert kept_ids({"VIN": VIN}, {"VIN": VIN.lower(), "odometer": 90_000}) == ["0"]


@pytest.mark.parametrize("junk", [None, "", "1.13042E+13", "n/a", VIN + "0", VIN[:16] + "O"])
def test_what_is_no_vin_joins_no_cars(junk):
    assert kept_ids({"VIN": junk}, {"VIN": junk, "odometer": 90_000}) == ["0", "1"]


@pytest.mark.parametrize("filler", ["0" * 17, "1" * 17, "X" * 17])
def test_a_vin_of_one_character_repeated_joins_no_cars(filler):
    assert kept_ids({"VIN": filler}, {"VIN": filler, "odometer": 90_000}) == ["0", "1"]


def test_a_car_known_by_description_and_then_by_vin_is_one_car():
    linked = {"VIN": VIN}
    assert kept_ids({}, linked, {"VIN": VIN, "odometer": 95_000}) == ["0"]


def test_the_earliest_posting_is_kept_and_then_the_smallest_id():
    late, early = pd.Timestamp("2021-04-20", tz="UTC"), pd.Timestamp("2021-04-02", tz="UTC")
    dates = [{"posting_date": late}, {"posting_date": early}, {"posting_date": early}]
    assert kept_ids(*dates) == ["1"]


def test_a_known_car_is_seen_by_its_description_or_its_vin():
    hashes = car_hashes(frame({"VIN": VIN}))
    listings = frame(
        {}, {"VIN": VIN, "odometer": 1}, {"odometer": 2}, {"VIN": OTHER_VIN, "year": 1}
    )
    assert is_seen(listings, hashes).tolist() == [True, True, False, False]


def test_cars_without_a_vin_are_not_all_seen():
    hashes = car_hashes(frame({}))
    assert (hashes == NO_VIN).any()
    assert not is_seen(frame({"odometer": 5}), hashes).any()
    assert not is_seen(frame({}), np.array([], np.uint64)).any()


def test_hashes_are_the_same_in_every_version_because_models_keep_them():
    described, vin = car_hashes(frame({"VIN": VIN}))[0].tolist()
    assert (described, vin) == (11689450343994522116, 15797547135547558235)
    assert car_hashes(frame({}).drop(columns="VIN"))[0].tolist() == [described, 0]


POSTINGS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([None, VIN, OTHER_VIN]), st.integers(1, 28)),
    min_size=1,
    max_size=15,
)


@given(POSTINGS)
def test_no_two_kept_cars_share_a_hash_and_each_dropped_one_was_posted_before(postings):
    changes = [
        {"odometer": o, "VIN": v, "posting_date": pd.Timestamp(2021, 4, d, tz="UTC")}
        for o, v, d in postings
    ]
    listed = frame(*({"id": str(n)} | change for n, change in enumerate(changes)))
    cars = first_postings(listed)
    hashes = car_hashes(cars)
    vins = hashes[hashes[:, 1] != NO_VIN, 1]
    assert len(set(hashes[:, 0])) == len(cars) and len(set(vins)) == len(vins)
    for _, row in listed[~listed["id"].isin(cars["id"])].iterrows():
        earlier = listed[listed["posting_date"] <= row["posting_date"]].drop(index=row.name)
        assert is_seen(row.to_frame().T, car_hashes(earlier)).all()


def test_half_of_the_sample_is_reposts():
    cars = first_postings(tiny.accepted())
    assert 0.4 < len(cars) / len(tiny.accepted()) < 0.7
    assert is_seen(tiny.accepted(), car_hashes(cars)).mean() > 0.99
