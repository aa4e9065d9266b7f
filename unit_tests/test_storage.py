"""Datasets: addressed by their content, there whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicle_price.contract import Checked, check
from vehicle_price.sources.sample import generate
from vehicle_price.storage import StorageError, open_dataset, read_listings, write_listings

RAW = generate(400, seed=5)


def batches(raw: pd.DataFrame, cuts: list[int]) -> list[Checked]:
    """The checked frame, cut before the given rows."""
    edges = [0, *sorted(cuts), len(raw)]
    return [check(raw.iloc[a:b]) for a, b in zip(edges, edges[1:])]


@pytest.fixture(scope="module", name="root")
def fixture_root(tmp_path_factory) -> Path:
    """A data root."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module", name="dataset")
def fixture_dataset(root):
    """RAW, stored in it."""
    return write_listings(str(root), batches(RAW, []), {"source": "sample"})


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 400), max_size=4))
def test_the_hash_depends_on_neither_order_nor_batches(root, dataset, random, cuts):
    order = list(range(len(RAW)))
    random.shuffle(order)
    again = write_listings(str(root), batches(RAW.iloc[order], cuts), {"source": "again"})
    assert again == dataset


@pytest.mark.parametrize("column", ["price", "paint_color", "VIN", "id", "posting_date"])
def test_one_changed_cell_changes_the_hash(root, dataset, column):
    changed = RAW.copy()
    good = int(np.flatnonzero(RAW["id"].isin(read_listings(dataset.uri)["id"]))[0])
    changed.loc[good, column] = {"price": "777", "posting_date": "2021-04-05"}.get(column, "violet")
    assert write_listings(str(root), batches(changed, []), {}).sha256 != dataset.sha256


def test_a_value_that_moves_to_the_next_column_changes_the_hash(root):
    good = RAW.tail(1).assign(price="900", year="2010", manufacturer="ford", odometer="90000")
    left = good.assign(condition="good", cylinders=None)
    right = good.assign(condition=None, cylinders="good")
    a, b = (write_listings(str(root), [check(frame)], {}) for frame in (left, right))
    assert a.sha256 != b.sha256


def test_facts_and_frames_read_back_as_written(dataset):
    assert open_dataset(dataset.uri) == dataset
    assert dataset.rows + dataset.quarantined == len(RAW)
    assert dataset.uri.endswith("/listings/" + dataset.sha256[:16])
    expected = check(RAW).accepted.sort_values(["posting_date", "id"], ignore_index=True)
    pd.testing.assert_frame_equal(read_listings(dataset.uri), expected)
    assert dataset.first_day == expected["posting_day"].min()
    assert dataset.last_day == expected["posting_day"].max()


def test_quarantine_is_stored_with_every_reason(dataset):
    stored = pd.read_parquet(Path(dataset.uri) / "quarantine.parquet")
    expected = check(RAW).quarantined
    assert stored["id"].tolist() == expected["id"].tolist()
    assert [list(row) for row in stored["reasons"]] == expected["reasons"].tolist()
    assert sum(dataset.reasons.values()) == sum(len(row) for row in stored["reasons"])


def test_writing_the_same_again_changes_no_file(root, dataset):
    folder = Path(dataset.uri)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    write_listings(str(root), batches(RAW, [100]), {"source": "again"})
    assert before == {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()
    }


def test_a_source_that_breaks_half_way_leaves_nothing(tmp_path):
    def breaking():
        yield check(RAW.head(100))
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="dead"):
        write_listings(str(tmp_path), breaking(), {})
    assert not list((tmp_path / "listings").iterdir())


def test_nothing_accepted_is_an_error_that_says_why(tmp_path):
    with pytest.raises(StorageError, match="none of 400 .*price: below 500 USD .400 rows"):
        write_listings(str(tmp_path), [check(RAW.assign(price="0"))], {})
    with pytest.raises(StorageError, match="no listings"):
        write_listings(str(tmp_path), [], {})
    assert not list((tmp_path / "listings").iterdir())


def test_an_address_without_a_dataset_says_what_to_run(tmp_path):
    with pytest.raises(StorageError, match="vehicle-price ingest"):
        read_listings(str(tmp_path / "nothing"))


def test_listings_that_are_not_what_was_written_are_refused(tmp_path):
    dataset = write_listings(str(tmp_path), batches(RAW, []), {})
    path = Path(dataset.uri) / "listings.parquet"
    frame = pd.read_parquet(path)
    frame.loc[0, "price"] += 1
    frame.to_parquet(path, index=False)
    with pytest.raises(StorageError, match="not what was written"):
        read_listings(dataset.uri)
    path.write_bytes(b"PAR1 damaged")
    with pytest.raises(StorageError, match="unreadable"):
        read_listings(dataset.uri)
    (path.parent / "dataset.json").write_text(json.dumps({"rows": 1}))
    with pytest.raises(StorageError, match="damaged"):
        open_dataset(dataset.uri)
