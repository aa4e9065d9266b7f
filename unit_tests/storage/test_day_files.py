"""Each posting day has a file, and a damaged file is refused."""

import pandas as pd
import pytest

from unit_tests.helpers.store import DAYS, stored
from vehicle_price.storage.dataset import read_listings
from vehicle_price.storage.errors import StorageError


def test_each_day_has_a_file_of_its_own(tmp_path):
    dataset = stored(tmp_path)
    folders = sorted((tmp_path / "listings/accepted").glob("posting_day=*"))
    assert [path.name.removeprefix("posting_day=") for path in folders] == DAYS
    files = [path for folder in folders for path in folder.iterdir()]
    assert len(files) == len(DAYS)
    assert sum(len(pd.read_parquet(path)) for path in files) == dataset.rows


def test_the_order_of_rows_and_columns_in_a_file_does_not_count(tmp_path):
    dataset = stored(tmp_path)
    before = read_listings(dataset.uri)
    for path in tmp_path.glob("listings/accepted/posting_day=*/*"):
        frame = pd.read_parquet(path, partitioning=None)
        frame[::-1][frame.columns[::-1]].to_parquet(path, index=False, coerce_timestamps="us")
    pd.testing.assert_frame_equal(read_listings(dataset.uri), before)


def test_listings_that_are_not_what_was_written_are_refused(tmp_path):
    dataset = stored(tmp_path)
    path = next(tmp_path.glob(f"listings/accepted/posting_day={DAYS[0]}/*"))
    frame = pd.read_parquet(path, partitioning=None)
    frame.loc[0, "price"] += 1
    frame.to_parquet(path, index=False)
    with pytest.raises(StorageError, match="not what was written"):
        read_listings(dataset.uri)
    path.write_bytes(b"PAR1 damaged")
    with pytest.raises(StorageError, match="unreadable"):
        read_listings(dataset.uri)
    path.unlink()
    with pytest.raises(StorageError, match="no such file.*data prune"):
        read_listings(dataset.uri)
