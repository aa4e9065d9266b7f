"""The listings of a rehearsal: days of the source, and the file that grows."""

from dataclasses import replace

import pandas as pd
import pytest

from setup.rehearsal.faults import NOTHING, shock
from setup.rehearsal.listings import (
    FEATURE_NAMES,
    LEARNT_DAYS,
    Day,
    Feed,
    TooFewDays,
    cars_of,
    read_days,
    shifted,
    split,
)
from vehicle_price.contract.check import check
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES


@pytest.fixture(name="days", scope="module")
def _days(tmp_path_factory) -> list[Day]:
    local = str(tmp_path_factory.mktemp("local"))
    return read_days(replace(Settings(), sample_rows=2_000, local_dir=local))


def test_the_days_hold_every_row_of_the_source_once(days):
    assert [day.day for day in days] == sorted(day.day for day in days)
    assert sum(len(day.raw) for day in days) == 2_000


def test_the_last_full_days_are_replayed_and_the_others_learnt(days, monkeypatch):
    monkeypatch.setattr("setup.rehearsal.listings.MIN_LISTINGS", 20)
    learnt, replayed = split(days, most=5, least=3)
    assert len(replayed) == 5 and learnt[-1].day < replayed[0].day
    learnt, replayed = split(days, most=900, least=3)
    assert len(learnt) == LEARNT_DAYS and learnt + replayed == [d for d in days if len(d.raw) >= 20]
    with pytest.raises(TooFewDays, match="needs 900 to replay"):
        split(days, most=1_000, least=900)


def test_prices_rise_from_the_day_of_the_shock_on(days):
    changed = list(shifted(days[:4], 2, shock("+25%")))
    assert changed[1].raw.equals(days[1].raw)
    before, after = (check(day.raw).accepted.to_pandas() for day in (days[2], changed[2]))
    both = before.merge(after, on="id")
    assert len(both) > 20
    assert (both["price_y"] - 1.25 * both["price_x"]).abs().max() <= 0.5
    assert list(shifted(days[:4], 2, NOTHING)) == days[:4]


def test_the_file_grows_by_a_day_and_its_source_reads_what_was_added(days, tmp_path):
    feed = Feed(tmp_path / "new" / "listings.csv")
    for day in days[:3]:
        feed.append(day)
    frames = SOURCES["file"].read(SourceQuery(data=str(feed.path)), Settings())
    read = pd.concat(check(frame).accepted.to_pandas() for frame in frames)
    expected = pd.concat(check(day.raw).accepted.to_pandas() for day in days[:3])
    pd.testing.assert_frame_equal(
        read.sort_values("id", ignore_index=True), expected.sort_values("id", ignore_index=True)
    )
    assert not Feed(feed.path).path.exists()  # a rehearsal begins with an empty file


def test_callers_send_features_and_know_what_a_car_is_listed_for(days):
    cars = cars_of(days[10], 30)
    assert list(cars) == [*FEATURE_NAMES, "asked"] and len(cars) == 30
    assert cars["asked"].between(500, 150_000).all()
    assert cars.equals(cars_of(days[10], 30))
