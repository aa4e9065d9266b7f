"""Parquet files of strangers: bounded before they are decoded, and never an exception."""

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit_tests.helpers import hostile
from vehicle_price.listing.errors import WrongValues
from vehicle_price.listing.parquet_file import PricedParquet
from vehicle_price.listing.parquet_memory import MAX_CELL_BYTES
from vehicle_price.listing.parquet_rows import CHUNK_BYTES

ADDED = {"predicted_price": int, "error": str}
MAX_BYTES = 100 * 2**20
CARS = {"year": [2014, 2015], "manufacturer": ["kia", "ford"], "odometer": [1, 2]}


def opened(content, max_bytes=MAX_BYTES):
    """The file as the route opens it."""
    return PricedParquet(io.BytesIO(content), ADDED, max_bytes)


def written(columns, **options):
    """A table as a file."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def listings(file, rows=5_000):
    """The rows of all chunks."""
    return [listing for chunk in file.chunks(rows) for listing in file.listings(chunk)]


@pytest.mark.parametrize(
    "content",
    [
        hostile.references(8_192),
        hostile.references(65_536, 100_000),
        hostile.references(1, MAX_CELL_BYTES + 1),
        hostile.one_page(60 * 2**20),
    ],
    ids=["20 KB, 8,192 times", "100 KB, 65,536 times", "one long cell", "one long page"],
)
def test_a_small_file_of_much_text_is_refused(content):
    with pytest.raises(WrongValues):
        opened(content)


def test_what_is_unpacked_counts():
    columns = CARS | {"description": ["x" * 1_000, "y" * 1_000]}
    assert len(listings(opened(written(columns), 10_000))) == 2
    with pytest.raises(WrongValues):
        opened(written(columns), 1_500)


def test_chunks_are_bounded_in_rows_and_bytes():
    rows = 3_000
    columns = {"year": [2014] * rows, "manufacturer": ["kia"] * rows, "odometer": list(range(rows))}
    file = opened(written(columns | {"description": ["x" * 20_000] * rows}))
    odometers = []
    for chunk in file.chunks(1_000):
        assert chunk.num_rows <= 1_000 and chunk.nbytes < 2 * CHUNK_BYTES
        odometers += [listing["odometer"] for listing in file.listings(chunk)]
    assert odometers == list(range(rows))


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_an_encoding_that_a_short_page_decodes_to_gigabytes_is_refused(encoding):
    options = {"use_dictionary": False, "column_encoding": {"manufacturer": encoding}}
    with pytest.raises(WrongValues, match="manufacturer"):
        opened(written(CARS, **options))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([b"x" * 17, b"y" * 17], pa.binary(17)),
    ],
    ids=["list", "struct", "long fixed length"],
)
def test_a_column_that_no_listing_has_is_refused_by_name(column):
    with pytest.raises(WrongValues, match="description"):
        opened(written(CARS | {"description": column}))


ODD = {
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


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.none()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=300),
    st.sampled_from(["none", "snappy", "zstd", "gzip"]),
    st.sampled_from(["1.0", "2.0"]),
    st.booleans(),
    st.integers(1, 200),
    st.integers(16, 5_000),
)
def test_every_file_that_a_writer_makes_is_read(
    models, compression, version, dictionary, row_group_size, data_page_size
):
    rows = len(models)
    columns = {"year": [2014] * rows, "manufacturer": ["kia"] * rows, "odometer": range(rows)}
    content = written(
        columns | {"model": pa.array(models, pa.string())},
        compression=compression,
        data_page_version=version,
        use_dictionary=dictionary,
        row_group_size=row_group_size,
        data_page_size=data_page_size,
    )
    read = listings(opened(content), 70)
    assert [listing.get("model") for listing in read] == [model or None for model in models]
    assert [listing["odometer"] for listing in read] == list(range(rows))


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_damaged_file_is_refused_or_read_and_never_an_exception(compression):
    columns = {n: values * 200 for n, values in CARS.items()} | {"model": ["a", "b"] * 200}
    whole, generator = written(columns, compression=compression), random.Random(5)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            content[generator.randrange(len(content))] = generator.randrange(256)
        try:
            assert len(listings(opened(bytes(content)))) <= 10**6
        except WrongValues:
            refused += 1
    assert refused > 50
