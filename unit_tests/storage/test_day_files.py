"""Each posting day has a file, and a damaged file is refused."""

import pandas as pd
import pytest

from unit_tests.helpers.store import DAYS, stored
from vehicle_price.storage.dataset import read_listings
from vehicle_price.storage.errors import StorageError


def test_each_day_has_a_file_of_its_own(tmp_path):
    dataset = stored(tmp_path)
    assert sorted(path.name for path in (tmp_path / "listings/days").iterdir()) == DAYS
    for day in DAYS:
        (file,) = (tmp_path / "listings/days" / day).iterdir()
        assert set(pd.read_parquet(file)["posting_day"]) == {day}
    assert dataset.rows == sum(len(pd.read_parquet(p)) for p in tmp_path.glob("listings/days/*/*"))


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
