"""Datasets: addressed by their content, there whole or not at all, never changed."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit_tests.helpers.store import DAYS, RAW, checked, one_row, stored, write_listings
from vehicle_price.contract.check import check
from vehicle_price.storage.dataset import (
    open_dataset,
    read_listings,
    read_quarantine,
)
from vehicle_price.storage.errors import StorageError

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
    again = write_listings(root, checked(RAW.iloc[order], *cuts), {})
    assert again.sha256 == dataset.sha256
    assert (again.rows, again.quarantined) == (dataset.rows, dataset.quarantined)
    assert again.reasons == dataset.reasons


@settings(max_examples=5)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_neither_does_it_depend_on_how_often_and_in_which_chunks_listings_come(
    tmp_path_factory, dataset, random, chunks
):
    root = tmp_path_factory.mktemp("chunks")
    starts = [random.randrange(0, 300) for _ in range(chunks)]
    for start in [*starts, 300, 0, 200, 100]:  # the last four cover every row
        last = write_listings(root, checked(RAW.iloc[start : start + 100]), {}, may_be_empty=True)
    assert last.sha256 == dataset.sha256 and last.rows == dataset.rows
    assert last.quarantined == dataset.quarantined and last.reasons == dataset.reasons


@pytest.mark.parametrize("column", ["price", "paint_color", "VIN", "id", "posting_date"])
def test_one_changed_cell_changes_the_hash(tmp_path, column):
    cell = {"price": "777", "posting_date": "2021-04-05", "paint_color": "red"}.get(column, "X1")
    before, after = one_row(price="900", paint_color="blue"), one_row(price="900")
    after = after.assign(paint_color="blue").assign(**{column: cell})
    assert stored(tmp_path / "a", before).sha256 != stored(tmp_path / "b", after).sha256


def test_a_value_that_moves_to_the_next_column_changes_the_hash(tmp_path):
    first = one_row(region="x", model=None)
    second = one_row(region=None, model="x")
    assert stored(tmp_path / "a", first).sha256 != stored(tmp_path / "b", second).sha256


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
    quarantined = read_quarantine(dataset.uri)
    expected = check(RAW).quarantined.to_pandas()
    assert _sorted(quarantined) == _sorted(expected)
    assert sum(dataset.reasons.values()) == sum(len(row) for row in quarantined["reasons"])


def test_an_older_dataset_stays_what_it_was(tmp_path):
    first = stored(tmp_path)
    before = read_listings(first.uri)
    second = stored(tmp_path, one_row(id="late", posting_date=DAYS[2]))
    assert second.uri != first.uri and second.sha256 != first.sha256
    assert open_dataset(first.uri) == first
    pd.testing.assert_frame_equal(read_listings(first.uri), before)


def test_an_address_without_a_dataset_says_what_to_run(tmp_path):
    stored(tmp_path / "other")
    for uri in ("nothing", "listings/accepted@v0", "other/listings/accepted@v7", "other/listings"):
        uri = tmp_path / uri
        with pytest.raises(StorageError, match="vehicle-price ingest"):
            read_listings(str(uri))


def _sorted(frame: pd.DataFrame) -> list[str]:
    return sorted(map(repr, frame.assign(reasons=frame["reasons"].map(list)).values.tolist()))
