"""Parquet files that no writer makes: what they claim is checked before Arrow decodes them."""

import io
import struct
import tracemalloc
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unit_tests.listing import parquet_builder as build
from vehicle_price.listing import parquet_footer, parquet_pages, parquet_rows
from vehicle_price.listing.errors import WrongValues
from vehicle_price.listing.parquet_file import PricedParquet

RLE_BIT_WIDTH = b"\x01"  # of the references to a dictionary; they are 0


def opened(content: bytes) -> PricedParquet:
    """The file as the route opens it."""
    return PricedParquet(io.BytesIO(content), {"error": str}, 100 * 2**20)


def models(file: PricedParquet) -> list[object]:
    """The models of all rows."""
    return [row.get("model") for chunk in file.chunks(5_000) for row in file.listings(chunk)]


def dictionary(*texts: bytes, codec: str | None = None, size: int | None = None) -> bytes:
    """A dictionary page."""
    content = build.plain_texts(*texts)
    return build.page(content, len(texts), kind=build.DICTIONARY_PAGE, codec=codec, size=size)


def references(rows: int) -> bytes:
    """A data page: all rows have the first text of the dictionary."""
    content = RLE_BIT_WIDTH + build.varint(rows << 1) + b"\0"
    return build.page(content, rows, build.RLE_DICTIONARY)


def deltas(values: int) -> bytes:
    """So many equal numbers in DELTA_BINARY_PACKED, which takes a few bytes."""
    sizes = build.varint(2**30) + build.varint(1) + build.varint(values)
    return sizes + build.integer(0) + build.integer(0) + b"\0"


def empty_pages(count: int) -> bytes:
    """Data pages without values, before one with a text."""
    return build.page(b"", 0) * count + build.page(build.plain_texts(b"rio"), 1)


def test_what_the_builder_makes_is_read():
    assert models(opened(build.file_with_pages(empty_pages(0), 1))) == ["rio"]
    pages = dictionary(b"rio", b"ceed", codec="zstd") + build.page(
        b"\x01\x06\0", 3, 8, codec="zstd"
    )
    assert models(opened(build.file_with_pages(pages, 3, build.ZSTD, copies=2))) == ["rio"] * 6


@pytest.mark.parametrize(
    ("pages", "rows", "reason"),
    [
        (dictionary(b"x" * 100_000) + references(9_000), 9_000, "bytes of text"),
        (dictionary(b"x" * 131_200) + references(1), 1, "a cell of 131,200 bytes"),
        (dictionary(b"x", size=2**26) + references(1), 1, "bytes of memory"),
        (dictionary(b"x", size=-1) + references(1), 1, "without its size"),
        (dictionary(*[b""] * 2_300_000) + references(1), 1, "bytes of memory"),
        (build.page(build.plain_texts(b"x" * 200_000), 1), 1, "a cell of 200,004 bytes"),
        (build.page(deltas(10**9), 9, build.DELTA_LENGTH_BYTE_ARRAY), 9, "encoding 6"),
        (build.page(deltas(10**9), 9, build.DELTA_BYTE_ARRAY), 9, "encoding 7"),
        (build.page(build.plain_texts(b"x"), 2), 1, "numbers of values differ"),
        (build.page(build.plain_texts(b"x"), 1)[:-2], 1, "longer than its column"),
        (struct.pack("<I", 5) * 40, 1, "in a page header"),
        (b"\x1d" * 70_000, 1, "in a page header"),
        (dictionary(b"x")[:-1], 1, "longer than its column"),
        (empty_pages(1), 1, "numbers of rows differ"),
        (empty_pages(parquet_pages.MAX_PAGES), 1, "write larger pages"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_page_that_is_too_large_or_contradicts_itself_is_refused(pages, rows, reason):
    with pytest.raises(WrongValues, match=reason):
        opened(build.file_with_pages(pages, rows))


def test_all_row_groups_count_also_when_they_share_their_pages():
    pages = dictionary(b"x" * 100_000) + references(1)
    assert len(models(opened(build.file_with_pages(pages, 1, copies=5)))) == 5
    with pytest.raises(WrongValues, match="bytes unpacked"):
        opened(
            build.file_with_pages(dictionary(*[b"x" * 100_000] * 90) + references(1), 1, copies=12)
        )


def test_long_texts_are_decoded_a_few_rows_at_a_time():
    pages = dictionary(b"x" * 100_000) + references(900)
    file = opened(build.file_with_pages(pages, 900))
    chunks = list(file.chunks(5_000))
    assert sum(chunk.num_rows for chunk in chunks) == 900
    assert max(chunk.nbytes for chunk in chunks) <= parquet_rows.CHUNK_BYTES


def test_nested_columns_never_reach_arrow():
    """Arrow reads them recursively: twenty thousand levels end the process."""
    levels = [build.element("a", children=1)] * 20_000
    content = build.file_of([*levels, build.element("x", build.INT32)], [], 0)
    with pytest.raises(WrongValues, match="20,000 columns; at most 256"):
        opened(content)
    levels = [build.element("table", children=1), build.element("model", children=1)]
    content = build.file_of([*levels, build.element("x", build.INT32)], [], 0)
    with pytest.raises(WrongValues, match="/model is nested"):
        opened(content)


def test_a_repeated_column_is_refused():
    repeated = build.element("model", build.INT32, build.REPEATED)
    content = build.file_of([build.element("table", children=1), repeated], [], 0)
    with pytest.raises(WrongValues, match="/model is nested"):
        opened(content)


def test_a_footer_of_very_many_entries_is_refused():
    content = build.file_of([build.element("table")] * 2, [build.group([], 0)] * 60_000, 0)
    with pytest.raises(WrongValues, match=f"at most {parquet_footer.MAX_FOOTER_BYTES:,} are read"):
        opened(content)


def test_a_footer_is_read_in_bounded_memory():
    group = build.group([build.struct_of()] * 250_000, 0)
    content = build.file_of([build.element("table", children=0)], [group], 0)
    tracemalloc.start()
    with pytest.raises(WrongValues):
        opened(content)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_row_groups_of_other_columns_or_rows_are_refused():
    whole = build.file_with_pages(empty_pages(0), 1)
    assert models(opened(whole)) == ["rio"]
    footer = struct.unpack("<I", whole[-8:-4])[0]
    rows_of_file = whole.index(b"\x16\x02\x19", len(whole) - 8 - footer)
    changed = whole[:rows_of_file] + b"\x16\x04\x19" + whole[rows_of_file + 3 :]
    with pytest.raises(WrongValues, match="numbers of rows differ"):
        opened(changed)


def test_the_pages_that_a_writer_makes_by_default_are_within_the_limits():
    """Dictionaries and pages of about 1 MB in the columns whose texts all differ."""
    rows, random = 15_000, Random(7)
    columns = {"year": [2014] * rows, "manufacturer": ["kia"] * rows, "odometer": list(range(rows))}
    for name in ("id", "url", "region_url", "model", "VIN", "image_url", "description"):
        columns[name] = [random.randbytes(40).hex() for _ in range(rows)]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    assert models(opened(sink.getvalue())) == columns["model"]
