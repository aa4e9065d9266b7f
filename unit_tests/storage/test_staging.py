"""Staged listings are invisible until they are published, and merge by id and posting day."""

import pandas as pd
import pytest

from unit_tests.helpers.store import DAYS, RAW, checked, files_of, one_row, stored, write_listings
from vehicle_price.contract.check import check
from vehicle_price.storage.dataset import read_listings, watermark_of
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.staging import stage


def test_staged_listings_are_counted_but_not_in_the_store_until_they_are_published(tmp_path):
    with stage(str(tmp_path), checked(RAW, 150)) as staged:
        assert staged.statistics.read == len(RAW)
        assert not files_of(tmp_path)
        dataset = staged.publish({"source": "test"})
    assert dataset.batch["read"] == len(RAW)
    assert len(read_listings(dataset.uri)) == staged.statistics.accepted == dataset.rows


def test_staged_listings_that_are_not_published_leave_nothing(tmp_path):
    with stage(str(tmp_path), checked(RAW)):
        assert [p for p in (tmp_path / "listings/.scratch").iterdir() if p.is_dir()]
    assert not files_of(tmp_path)
    assert not [p for p in (tmp_path / "listings/.scratch").iterdir() if p.is_dir()]


def test_a_source_that_breaks_half_way_changes_nothing(tmp_path):
    def breaking():
        yield check(RAW.head(100))
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="dead"):
        write_listings(tmp_path, breaking(), {})
    assert not files_of(tmp_path)
    assert not [p for p in (tmp_path / "listings/.scratch").iterdir() if p.is_dir()]


def test_nothing_accepted_is_an_error_that_says_why(tmp_path):
    with pytest.raises(StorageError, match="none of 400 .*price: below 500 USD .400 rows"):
        write_listings(tmp_path, checked(RAW.assign(price="0")), {})
    with pytest.raises(StorageError, match="no listings"):
        write_listings(tmp_path, [], {})
    assert not files_of(tmp_path)


def test_a_day_without_listings_leaves_the_store_as_it_is(tmp_path):
    dataset = stored(tmp_path)
    assert write_listings(tmp_path, [], {}) == dataset


def test_ingesting_the_same_again_changes_no_file(tmp_path):
    dataset = stored(tmp_path)
    before = files_of(tmp_path)
    again = write_listings(tmp_path, checked(RAW, 100), {"source": "test", "data": "elsewhere"})
    assert again == dataset and again.batch["new"] == 0
    assert files_of(tmp_path) == before


def test_a_late_listing_joins_its_own_day_and_leaves_the_others_alone(tmp_path):
    first = stored(tmp_path)
    before = set(files_of(tmp_path))
    second = stored(tmp_path, one_row(id="late", posting_date=DAYS[2]))
    assert second.rows == first.rows + 1 and second.batch["new"] == 1
    written = set(files_of(tmp_path)) - before
    assert len(written) == 2  # one day, one commit
    assert [name for name in written if f"/posting_day={DAYS[2]}/" in name]
    listings = read_listings(second.uri)
    assert listings.loc[listings["id"] == "late", "posting_day"].tolist() == [DAYS[2]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_one_listing_posted_twice_on_a_day_the_later_posting_stays(tmp_path, order):
    rows = [
        one_row(id="1", price="900", posting_date="2021-04-05T10:00:00-0500"),
        one_row(id="1", price="700", posting_date="2021-04-05T12:00:00-0500"),
        one_row(id="1", price="800", posting_date="2021-04-05T11:00:00-0500"),
    ]
    for index in order:
        dataset = stored(tmp_path, rows[index])
    assert dataset.rows == 1 and read_listings(dataset.uri)["price"].tolist() == [700]
    at_once = stored(tmp_path / "at_once", pd.concat([rows[index] for index in order]))
    assert at_once.sha256 == dataset.sha256


def test_a_listing_posted_on_two_days_counts_on_both(tmp_path):
    dataset = stored(
        tmp_path,
        pd.concat([one_row(id="1", posting_date=DAYS[0]), one_row(id="1", posting_date=DAYS[1])]),
    )
    assert dataset.rows == 2


def test_equal_refused_rows_are_all_kept_but_not_added_again(tmp_path):
    empty = one_row().assign(**dict.fromkeys(RAW.columns))
    raw = pd.concat([one_row().astype(object), empty, empty])
    assert stored(tmp_path, raw).quarantined == 2
    assert stored(tmp_path, raw).quarantined == 2
    assert stored(tmp_path, empty).quarantined == 2


def test_the_watermark_is_the_last_day_read_without_a_gap(tmp_path):
    def mark_after(day: str, since: str, until: str = "") -> str:
        stored(tmp_path, one_row(id=day, posting_date=day), since=since, until=until)
        return watermark_of(str(tmp_path), "test")

    assert watermark_of(str(tmp_path), "test") == ""
    assert mark_after("2021-04-20", since="2021-04-20") == ""  # what came before is unknown
    assert mark_after("2021-04-04", since="") == "2021-04-04"
    assert mark_after("2021-04-05", since="2021-04-05", until="2021-04-06") == "2021-04-06"
    assert mark_after("2021-04-10", since="2021-04-09") == "2021-04-06"
    assert mark_after("2021-04-05", since="2021-04-01", until="2021-04-05") == "2021-04-06"
    assert watermark_of(str(tmp_path), "another") == ""


def test_a_date_in_the_future_does_not_move_the_watermark(tmp_path):
    raw = pd.concat([one_row(posting_date="2021-04-05"), one_row(posting_date="2077-01-01")])
    write_listings(tmp_path, checked(raw), {"source": "test"}, today="2021-04-06")
    assert watermark_of(str(tmp_path), "test") == "2021-04-05"


def test_days_without_listings_move_the_watermark_and_no_file(tmp_path):
    first = stored(tmp_path, one_row(posting_date="2021-04-05"))
    before = {name for name in files_of(tmp_path) if name.endswith(".parquet")}
    until = {"source": "test", "since": "2021-04-06", "until": "2021-04-08"}
    second = write_listings(tmp_path, [], until)
    assert watermark_of(str(tmp_path), "test") == "2021-04-08"
    assert (second.sha256, second.rows, second.batch["new"]) == (first.sha256, first.rows, 0)
    assert second.provenance == first.provenance
    assert {name for name in files_of(tmp_path) if name.endswith(".parquet")} == before
    assert len(read_listings(second.uri)) == len(read_listings(first.uri)) == 1
    assert write_listings(tmp_path, [], until) == second
