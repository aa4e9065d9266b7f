"""CSV files of strangers: no row takes much memory."""

import tempfile

import pytest

from vehicle_price.listing.csv_file import CHUNK_BYTES, MAX_CELLS, MAX_ROW_CHARACTERS, PricedCsv
from vehicle_price.listing.errors import WrongValues

HEAD = b"year,manufacturer,odometer,model\n"


def opened(content):
    """The file as the route opens it: on disk."""
    file = tempfile.TemporaryFile()  # pylint: disable=consider-using-with
    file.write(content)
    file.seek(0)
    return PricedCsv(file, ["error"])


@pytest.mark.parametrize(
    "rows",
    [
        b"," * 10_000_000,
        b"2014,kia,1,rio\n" * 3 + b"," * MAX_CELLS,
        b"x" * (MAX_ROW_CHARACTERS + 1),
        b'"' + b"x\n" * MAX_ROW_CHARACTERS,
        b'"a\n",' * (MAX_ROW_CHARACTERS // 4),
    ],
    ids=["ten million cells", "257 cells", "a long line", "a long cell", "a row of many lines"],
)
def test_a_row_above_the_limits_is_refused(rows):
    with pytest.raises(WrongValues, match="at most|more than|larger than"):
        opened(HEAD + rows)


def test_rows_up_to_the_limits_are_read():
    row = b"2014,kia,1," + b"x" * 100_000
    file = opened(HEAD + row + b"\n" + b"2014,kia,2," + b"," * (MAX_CELLS - 4))
    first, second = (listing for chunk in file.chunks(10) for listing in file.listings(chunk))
    assert len(first["model"]) == 100_000 and second.startswith("has more cells")


def test_chunks_are_bounded_in_rows_and_bytes():
    rows = [b"2014,kia,%d,%s" % (number, b"x" * 50_000) for number in range(500)]
    chunks = list(opened(HEAD + b"\n".join(rows)).chunks(400))
    assert len(chunks) > 2 and sum(map(len, chunks)) == 500
    assert [int(row[2]) for chunk in chunks for row in chunk] == list(range(500))
    for chunk in chunks:
        assert sum(len(cell) for row in chunk for cell in row) < 2 * CHUNK_BYTES
