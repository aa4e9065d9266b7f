"""Other programs read the tables: DuckDB does here, as setup/data.md shows."""

import duckdb
from deltalake import DeltaTable

from unit_tests.helpers.store import DAYS, one_row, stored
from vehicle_price.storage.dataset import read_listings, read_quarantine


def test_duckdb_reads_the_newest_and_an_older_dataset(tmp_path):
    for number in range(2):
        dataset = stored(tmp_path, one_row(id=f"{number}", posting_date=DAYS[number]))
    assert dataset.uri == f"{tmp_path}/listings/accepted@v1"
    for version in (0, 1):
        table = str(tmp_path / "listings/accepted")
        accepted = DeltaTable(table, version).to_pyarrow_dataset()
        ours = read_listings(f"{table}@v{version}")
        theirs = duckdb.sql("SET TimeZone = 'UTC'; SELECT * FROM accepted ORDER BY posting_date")
        assert set(theirs.columns) == set(ours.columns)
        frame = theirs.df()[ours.columns]
        assert frame.astype(object).where(frame.notna(), None).values.tolist() == (
            ours.astype(object).where(ours.notna(), None).values.tolist()
        )
        del accepted


def test_duckdb_counts_the_reasons_in_the_quarantine(tmp_path):
    dataset = stored(tmp_path)
    quarantine = DeltaTable(str(tmp_path / "listings/quarantine")).to_pyarrow_dataset()
    reasons = duckdb.sql("SELECT unnest(reasons) AS reason FROM quarantine").fetchall()
    del quarantine
    expected = [(reason,) for row in read_quarantine(dataset.uri)["reasons"] for reason in row]
    assert sorted(reasons) == sorted(expected)
