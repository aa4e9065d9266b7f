"""Values of a Parquet file that no listing can have: errors of their rows, never an exception."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unit_tests.listing.parquet_files import CARS, listings, opened, written

BAD_BYTES = pa.array([b"\xff", b"kia"], pa.binary())
BAD_TEXT = pa.Array.from_buffers(pa.string(), 2, BAD_BYTES.buffers())  # without a check
ODD = {
    "a text column that is not UTF-8": ("manufacturer", BAD_TEXT),
    "a dictionary that is not UTF-8": (
        "manufacturer",
        pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), BAD_TEXT),
    ),
    "text that is not UTF-8": ("manufacturer", pa.array([b"\xff", b"kia"], pa.binary())),
    "time before year 1": ("posting_date", pa.array([-(2**62), 0], pa.timestamp("ms"))),
    "time after year 9999": ("posting_date", pa.array([2**62, 0], pa.timestamp("us"))),
    "unknown time zone": ("posting_date", pa.array([2**61, 0], pa.timestamp("ms", "No/Where"))),
    "date out of range": ("posting_date", pa.array([2**31 - 1, 0], pa.date32())),
    "time of day out of range": ("posting_date", pa.array([2**62, 0], pa.time64("us"))),
    "numbers beyond int64": ("odometer", pa.array([2**64 - 1, 5], pa.uint64())),
    "half floats": ("odometer", pa.array([1.0, 5.0]).cast(pa.float16())),
    "durations": ("posting_date", pa.array([2**62, 0], pa.duration("s"))),
    "nulls": ("model", pa.nulls(2)),
    "dictionary of numbers": ("odometer", pa.array([7, 5]).dictionary_encode()),
    "views": ("model", pa.array(["a", "b"], pa.string_view())),
    "large text": ("model", pa.array(["a", "b"], pa.large_string())),
    "decimals": ("odometer", pa.array([1, 2]).cast(pa.decimal128(38, 10))),
}


@pytest.mark.parametrize("case", ODD.values(), ids=ODD)
def test_odd_values_are_rows_or_errors_and_the_other_row_is_read(case):
    name, column = case
    file = opened(written(CARS | {name: column}))
    first, second = listings(file)
    assert isinstance(first, dict | str)
    assert isinstance(second, dict) or "No/Where" in second  # a zone is that of all rows
    for chunk in opened(written(CARS | {name: column})).chunks(10):
        assert file.encode(chunk, [(1, "a"), (2, "b")])


def test_an_error_names_the_column_and_the_reason():
    first, second = listings(opened(written(CARS | {"manufacturer": BAD_TEXT})))
    assert first == "manufacturer is not UTF-8" and second["manufacturer"] == "kia"
    times = pa.array([2**62, 0], pa.timestamp("us"))
    first, second = listings(opened(written(CARS | {"posting_date": times})))
    assert first == "posting_date cannot be read: date value out of range"
    assert second["posting_date"] == "1970-01-01T00:00:00"


@pytest.mark.parametrize(
    ("column", "answered"),
    [
        (pa.array(["a", "b"]).dictionary_encode(), pa.string()),
        (pa.array(["a", "b"], pa.string_view()), pa.string_view()),
        (pa.array(["a", "b"], pa.large_string()), pa.large_string()),
        (pa.array([b"a", b"b"], pa.binary(1)), pa.binary(1)),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else "",
)
def test_types_are_kept_but_dictionaries_are_answered_as_text(column, answered):
    file = opened(written(CARS | {"model": column}))
    content = b"".join(file.encode(chunk, [(1, None)] * 2) for chunk in file.chunks(10))
    table = pq.read_table(io.BytesIO(content + file.end()))
    assert table.schema.field("model").type == answered
    assert table["model"].to_pylist() == column.to_pylist()
