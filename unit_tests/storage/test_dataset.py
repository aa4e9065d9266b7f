"""Datasets: addressed by their content, there whole or not at all, never changed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit_tests.helpers.store import DAYS, RAW, checked, files_of, one_row, stored
from vehicle_price.contract.check import check
from vehicle_price.storage.dataset import (
    StorageError,
    open_dataset,
    read_listings,
    read_quarantine,
    watermark_of,
    write_listings,
)

PLAIN = {
    "id": "7", "region": "modesto", "price": "15990", "year": "2014", "manufacturer": "honda",
    "model": "civic é", "fuel": "gas", "odometer": "88000", "state": "ca",
    "posting_date": "2021-04-28T12:00:00-0500",
}  # fmt: skip
PLAIN_SHA256 = "d353d1ccd6fcb7eb144547e3b6d33114fc69c3fb427d0e955ef71ea9f5cedf87"


@pytest.fixture(scope="module", name="root")
def fixture_root(tmp_path_factory) -> Path:
    """A data root."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module", name="dataset")
def fixture_dataset(root):
    """RAW, stored in it."""
    return stored(root)


def test_the_identity_of_a_content_never_changes(tmp_path):
    """Whoever changes how it is computed gives every dataset in MLflow another name."""
    assert stored(tmp_path, pd.DataFrame([PLAIN])).sha256 == PLAIN_SHA256


@settings(max_examples=8)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 400), max_size=4))
def test_the_hash_depends_on_neither_order_nor_batches(tmp_path_factory, dataset, random, cuts):
    order = list(range(len(RAW)))
    random.shuffle(order)
    root = tmp_path_factory.mktemp("again")
    again = write_listings(str(root), checked(RAW.iloc[order], *cuts), {})
    assert again.sha256 == dataset.sha256
    assert (again.rows, again.quarantined) == (dataset.rows, dataset.quarantined)
    assert again.reasons == dataset.reasons


@settings(max_examples=5)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_neither_does_it_depend_on_how_often_and_in_which_parts_listings_come(
    tmp_path_factory, dataset, random, parts
):
    root = tmp_path_factory.mktemp("parts")
    starts = [random.randrange(0, 300) for _ in range(parts)]
    for start in [*starts, 300, 0, 200, 100]:  # the last four cover every row
        last = write_listings(
            str(root), checked(RAW.iloc[start : start + 100]), {}, may_be_empty=True
        )
    assert last.sha256 == dataset.sha256 and last.rows == dataset.rows
    assert last.quarantined == dataset.quarantined and last.reasons == dataset.reasons


@pytest.mark.parametrize("column", ["price", "paint_color", "VIN", "id", "posting_date"])
def test_one_changed_cell_changes_the_hash(tmp_path, column):
    cell = {"price": "777", "posting_date": "2021-04-05", "paint_color": "red"}.get(column, "X1")
    before, after = one_row(price="900", paint_color="blue"), one_row(price="900")
    after = after.assign(paint_color="blue").assign(**{column: cell})
    assert stored(tmp_path / "a", before).sha256 != stored(tmp_path / "b", after).sha256


def test_a_value_that_moves_to_the_next_column_changes_the_hash(tmp_path):
    left = one_row(region="x", model=None)
    right = one_row(region=None, model="x")
    assert stored(tmp_path / "a", left).sha256 != stored(tmp_path / "b", right).sha256


def test_facts_and_frames_read_back_as_written(dataset):
    assert open_dataset(dataset.uri) == dataset
    assert dataset.rows + dataset.quarantined == len(RAW)
    assert dataset.batch == {
        "read": len(RAW), "accepted": dataset.rows, "quarantined": dataset.quarantined,
        "new": dataset.rows,
    }  # fmt: skip
    expected = check(RAW).accepted.to_pandas()
    expected = expected.sort_values(["posting_date", "id"], ignore_index=True)
    pd.testing.assert_frame_equal(read_listings(dataset.uri), expected)
    assert (dataset.first_day, dataset.last_day) == (DAYS[0], DAYS[-1])


def test_quarantine_holds_every_refused_row_with_every_reason(dataset):
    found = read_quarantine(dataset.uri)
    expected = check(RAW).quarantined.to_pandas()
    assert _sorted(found) == _sorted(expected)
    assert sum(dataset.reasons.values()) == sum(len(row) for row in found["reasons"])


def test_each_day_has_a_file_of_its_own(root, dataset):
    assert sorted(path.name for path in (root / "listings/days").iterdir()) == DAYS
    for day in DAYS:
        (file,) = (root / "listings/days" / day).iterdir()
        assert set(pd.read_parquet(file)["posting_day"]) == {day}
    assert dataset.rows == sum(len(pd.read_parquet(p)) for p in root.glob("listings/days/*/*"))


def test_ingesting_the_same_again_changes_no_file(root, dataset):
    before = files_of(root)
    again = write_listings(str(root), checked(RAW, 100), {"source": "test", "data": "elsewhere"})
    assert again == dataset and again.batch["new"] == 0
    assert files_of(root) == before


def test_a_late_listing_joins_its_own_day_and_leaves_the_others_alone(tmp_path):
    first = stored(tmp_path)
    before = set(files_of(tmp_path))
    second = stored(tmp_path, one_row(id="late", posting_date=DAYS[2]))
    assert second.rows == first.rows + 1 and second.batch["new"] == 1
    written = set(files_of(tmp_path)) - before
    assert len(written) == 2  # one day, one snapshot
    assert [name for name in written if f"/{DAYS[2]}/" in name]
    listings = read_listings(second.uri)
    assert listings.loc[listings["id"] == "late", "posting_day"].tolist() == [DAYS[2]]


def test_an_older_dataset_stays_what_it_was(tmp_path):
    first = stored(tmp_path)
    before = read_listings(first.uri)
    second = stored(tmp_path, one_row(id="late", posting_date=DAYS[2]))
    assert second.uri != first.uri and second.sha256 != first.sha256
    assert open_dataset(first.uri) == first
    pd.testing.assert_frame_equal(read_listings(first.uri), before)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_one_listing_posted_twice_on_a_day_the_later_posting_stays(tmp_path, order):
    rows = [
        one_row(id="1", price="900", posting_date="2021-04-05T10:00:00-0500"),
        one_row(id="1", price="700", posting_date="2021-04-05T12:00:00-0500"),
        one_row(id="1", price="800", posting_date="2021-04-05T11:00:00-0500"),
    ]
    for place in order:
        dataset = stored(tmp_path, rows[place])
    assert dataset.rows == 1 and read_listings(dataset.uri)["price"].tolist() == [700]
    at_once = stored(tmp_path / "at_once", pd.concat([rows[place] for place in order]))
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


def test_a_source_that_breaks_half_way_changes_nothing(tmp_path):
    def breaking():
        yield check(RAW.head(100))
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="dead"):
        write_listings(str(tmp_path), breaking(), {})
    assert not files_of(tmp_path)
    assert not [p for p in (tmp_path / "listings/.scratch").iterdir() if p.is_dir()]


def test_nothing_accepted_is_an_error_that_says_why(tmp_path):
    with pytest.raises(StorageError, match="none of 400 .*price: below 500 USD .400 rows"):
        write_listings(str(tmp_path), checked(RAW.assign(price="0")), {})
    with pytest.raises(StorageError, match="no listings"):
        write_listings(str(tmp_path), [], {})
    assert not files_of(tmp_path)


def test_a_day_without_listings_leaves_the_store_as_it_is(tmp_path):
    dataset = stored(tmp_path)
    assert write_listings(str(tmp_path), [], {}) == dataset


def test_an_address_without_a_dataset_says_what_to_run(tmp_path):
    for uri in (tmp_path / "nothing", tmp_path / "listings/snapshots/abc.json"):
        with pytest.raises(StorageError, match="vehicle-price ingest"):
            read_listings(str(uri))


def test_listings_that_are_not_what_was_written_are_refused(tmp_path):
    dataset = stored(tmp_path)
    path = next(tmp_path.glob(f"listings/days/{DAYS[0]}/*"))
    frame = pd.read_parquet(path)
    frame.loc[0, "price"] += 1
    frame.to_parquet(path, index=False)
    with pytest.raises(StorageError, match="not what was written"):
        read_listings(dataset.uri)
    path.write_bytes(b"PAR1 damaged")
    with pytest.raises(StorageError, match="unreadable"):
        read_listings(dataset.uri)
    path.unlink()
    with pytest.raises(StorageError, match="unreadable"):
        read_listings(dataset.uri)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"days": 1}'])
def test_damaged_facts_are_refused(tmp_path, damage):
    dataset = stored(tmp_path)
    Path(dataset.uri).write_text(damage, "utf-8")
    with pytest.raises(StorageError, match="damaged"):
        open_dataset(dataset.uri)
    (tmp_path / "listings/current.json").write_text(damage or "x", "utf-8")
    with pytest.raises(StorageError, match="current.json.*damaged"):
        stored(tmp_path)


def test_a_row_taken_out_of_the_facts_is_noticed(tmp_path):
    dataset = stored(tmp_path)
    facts = json.loads(Path(dataset.uri).read_text("utf-8"))
    del facts["days"][DAYS[0]]
    Path(dataset.uri).write_text(json.dumps(facts), "utf-8")
    with pytest.raises(StorageError, match="hash"):
        open_dataset(dataset.uri)


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
    write_listings(str(tmp_path), checked(raw), {"source": "test"}, today="2021-04-06")
    assert watermark_of(str(tmp_path), "test") == "2021-04-05"


def _sorted(frame: pd.DataFrame) -> list[str]:
    return sorted(map(repr, frame.assign(reasons=frame["reasons"].map(list)).values.tolist()))
