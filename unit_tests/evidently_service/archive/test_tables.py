"""A file of the archive holds its rows to the last digit, and a damaged one is refused."""

from datetime import UTC, datetime

import pytest

from evidently_service.archive.tables import (
    CONTENTS,
    PREDICTIONS,
    REPORTS,
    from_parquet,
    to_parquet,
    to_table,
)
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.errors import StorageError

MOMENT = datetime(2026, 3, 1, 23, 59, 59, 999_999, UTC)
ROWS = [
    ("01938a7e-0000-7000-8000-123456789000", "dealer ü\N{REPLACEMENT CHARACTER}", 9_900, MOMENT),
    ("01938a7e-0000-7000-8000-123456789001", "", 1, MOMENT.replace(microsecond=0)),
]


def written():
    """A table, its file and its hash."""
    table = to_table(REPORTS, ROWS)
    return table, to_parquet(table), content_hash(table)


def test_a_file_gives_the_rows_back():
    table, content, sha256 = written()
    found = from_parquet(REPORTS, content, "a file", sha256, 2)
    assert found.equals(table)
    assert [tuple(row.values()) for row in found.to_pylist()] == ROWS


def test_rows_without_a_value_stay_empty():
    row = (ROWS[0][0], MOMENT, *[None] * (len(PREDICTIONS) - 2))
    table = to_table(PREDICTIONS, [row])
    found = from_parquet(PREDICTIONS, to_parquet(table), "a file", content_hash(table), 1)
    assert found.to_pylist()[0]["reported_at"] is None and found.equals(table)


@pytest.mark.parametrize("name", CONTENTS)
def test_no_rows_are_a_table_too(name):
    assert to_table(CONTENTS[name].schema, []).num_rows == 0


def test_a_cut_file_is_refused_and_named():
    _, content, sha256 = written()
    with pytest.raises(StorageError, match="a file: unreadable.*no row is deleted"):
        from_parquet(REPORTS, content[:-20], "a file", sha256, 2)


def test_a_file_with_other_rows_is_refused():
    _, content, sha256 = written()
    other = to_table(REPORTS, [ROWS[0], (*ROWS[1][:2], 2, ROWS[1][3])])
    with pytest.raises(StorageError, match="not the 2 rows"):
        from_parquet(REPORTS, to_parquet(other), "a file", sha256, 2)
    with pytest.raises(StorageError, match="not the 3 rows"):
        from_parquet(REPORTS, content, "a file", sha256, 3)
