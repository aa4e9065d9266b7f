"""Parquet files of strangers: bounded before they are decoded, and never an exception."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit_tests.helpers import hostile
from unit_tests.listing.parquet_files import CARS, listings, opened, written
from vehicle_price.listing.errors import WrongValues
from vehicle_price.listing.parquet_memory import MAX_CELL_BYTES
from vehicle_price.listing.parquet_rows import CHUNK_BYTES


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
