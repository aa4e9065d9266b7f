"""The spool gives back what was added, day by day, whatever had to go to disk."""

import pyarrow as pa
import pytest

from unit_tests.helpers.store import RAW
from vehicle_price.contract.check import check
from vehicle_price.storage.spool import Spool

LISTINGS = check(RAW).accepted


@pytest.mark.parametrize("rows", [1, 50, 100_000])
@pytest.mark.parametrize("memory_bytes", [1, 20_000, 1 << 30])
def test_a_spool_gives_back_what_was_put_down_day_by_day(tmp_path, monkeypatch, rows, memory_bytes):
    monkeypatch.setattr("vehicle_price.storage.spool.SORT_ROWS", rows)
    monkeypatch.setattr("vehicle_price.storage.spool.MEMORY_BYTES", memory_bytes)
    spool = Spool(tmp_path / "spool", LISTINGS.schema)
    for start in range(0, len(LISTINGS), 30):
        chunk = LISTINGS.slice(start, 30)
        spool.add(chunk, chunk["posting_day"])
    days = LISTINGS["posting_day"].to_pylist()
    assert spool.days() == sorted(set(days))
    for day in spool.days():
        expected = [row for row in LISTINGS.to_pylist() if row["posting_day"] == day]
        assert spool.of_day(day).to_pylist() == expected
        assert spool.rows[day] == len(expected) == days.count(day)


def test_an_empty_spool_has_no_days(tmp_path):
    spool = Spool(tmp_path / "spool", LISTINGS.schema)
    spool.add(LISTINGS.slice(0, 0), pa.array([], pa.string()))
    assert spool.days() == [] and spool.of_day("2021-04-04").num_rows == 0
