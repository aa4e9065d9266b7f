"""Walk the pages of a Parquet file by their headers, without decoding them.

The sizes in the footer may be wrong. Those in the page headers are the ones by which Arrow
allocates and decodes. Layout: `PageHeader` in
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from collections.abc import Iterator
from typing import IO, NamedTuple

import pyarrow as pa

from vehicle_price.listing.errors import not_parquet, wrong_file
from vehicle_price.listing.thrift_compact import (
    I32,
    I64,
    LIST,
    STRUCT,
    CompactReader,
    Fields,
    MalformedThrift,
    field,
)

MAX_PAGES = 100_000  # of the whole file
HEADER_BYTES = (1_024, 65_536)  # read for a page header: at first, and if that was too short
MAX_HEADER_VALUES = 1_000
# ColumnMetaData: all that Arrow needs; the first fields are of its type, encodings, and name.
CODEC, NUM_VALUES, CHUNK_SIZE = field(4, I32), field(5, I64), field(7, I64)
DATA_PAGE_OFFSET, DICTIONARY_PAGE_OFFSET = field(9, I64), field(11, I64)
COLUMN_FIELDS = (
    *(field(1, I32), field(2, LIST), field(3, LIST), CODEC, NUM_VALUES, field(6, I64)),
    *(CHUNK_SIZE, DATA_PAGE_OFFSET, DICTIONARY_PAGE_OFFSET),
)
# PageHeader
TYPE, UNCOMPRESSED_SIZE, COMPRESSED_SIZE = field(1, I32), field(2, I32), field(3, I32)
DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
# For each type of page, the field of its own header, and in that the field of the encoding.
HEADERS = {
    DATA_PAGE: (field(5, STRUCT), field(2, I32)),
    DICTIONARY_PAGE: (field(7, STRUCT), field(2, I32)),
    DATA_PAGE_V2: (field(8, STRUCT), field(4, I32)),
}
PAGE_VALUES = field(1, I32)
# `CompressionCodec` but LZO and the deprecated form of LZ4, as pyarrow names them.
CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
UNCOMPRESSED = 0


class ColumnChunk(NamedTuple):
    """A column in a row group: its number of values with nulls, and where its pages are."""

    name: str
    is_text: bool
    codec: int
    num_values: int
    start: int
    size: int


def column_chunk(name: str, is_text: bool, fields: Fields) -> ColumnChunk:
    """The column chunk that a ColumnMetaData describes. Raises WrongValues without its place."""
    start, dictionary = fields.get(DATA_PAGE_OFFSET, -1), fields.get(DICTIONARY_PAGE_OFFSET, 0)
    if 0 < dictionary < start:  # as Arrow has it
        start = dictionary
    codec, num_values = fields.get(CODEC, -1), fields.get(NUM_VALUES, -1)
    numbers = (codec, num_values, start, fields.get(CHUNK_SIZE, -1))
    if min(numbers) < 0:
        raise not_parquet("a column has no place in the file")
    return ColumnChunk(name, is_text, *numbers)


class Page(NamedTuple):
    """A page: its type, number of values with nulls and encoding; where its content is."""

    kind: int
    values: int
    encoding: int
    start: int
    compressed_size: int
    uncompressed_size: int

    @property
    def size(self) -> int:
        """Bytes in memory; some pages are not compressed, whatever the sizes say."""
        return max(self.compressed_size, self.uncompressed_size)


class PageWalker:
    """Yields the pages of `file`, counting those of all columns. max_bytes: of all, unpacked."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._pages = self._bytes = 0

    def pages(self, chunk: ColumnChunk) -> Iterator[Page]:
        """The pages that Arrow reads of a column in a row group: up to its number of values.

        Raises WrongValues for pages that cannot be read, too many pages or bytes.
        """
        position, values = chunk.start, 0
        while values < chunk.num_values:
            page = self._page(position, chunk.start + chunk.size)
            self._count(page)
            yield page
            values += 0 if page.kind == DICTIONARY_PAGE else page.values
            position = page.start + page.compressed_size
        if values != chunk.num_values:
            raise not_parquet("the numbers of values differ")

    def content(self, page: Page, codec: int) -> bytes:
        """The content of a dictionary page, unpacked. Raises WrongValues or what Arrow raises."""
        self._file.seek(page.start)
        content = self._file.read(page.compressed_size)
        if codec == UNCOMPRESSED:
            return content
        if codec not in CODECS:
            raise not_parquet(f"the compression {codec} is not read")
        unpacker = pa.Codec(CODECS[codec])
        return unpacker.decompress(content, decompressed_size=page.uncompressed_size, asbytes=True)

    def _page(self, position: int, end: int) -> Page:
        """The page whose header starts at `position`, in a column chunk that ends at `end`."""
        header, length = self._header(position, end)
        kind = header.get(TYPE, -1)
        if kind not in HEADERS:
            raise not_parquet(f"a page of the type {kind}")
        own_field, encoding = HEADERS[kind]
        own = header.get(own_field, {})
        numbers = [own.get(PAGE_VALUES, -1), own.get(encoding, -1)]
        sizes = [header.get(COMPRESSED_SIZE, -1), header.get(UNCOMPRESSED_SIZE, -1)]
        if not all(0 <= number < 2**31 for number in numbers + sizes):
            raise not_parquet("a page without its size or number of values")
        page = Page(kind, *numbers, position + length, *sizes)
        if page.start + page.compressed_size > end:
            raise not_parquet("a page is longer than its column")
        return page

    def _header(self, position: int, end: int) -> tuple[Fields, int]:
        """The fields of a page header and the number of its bytes."""
        for size in HEADER_BYTES:
            self._file.seek(position)
            content = self._file.read(max(0, min(size, end - position)))
            reader = CompactReader(content, MAX_HEADER_VALUES)
            try:
                return reader.struct(), reader.position
            except MalformedThrift as error:
                reason = error
                if len(content) < size:
                    break
        raise not_parquet(f"in a page header, {reason}")

    def _count(self, page: Page) -> None:
        self._pages, self._bytes = self._pages + 1, self._bytes + page.size
        if self._pages > MAX_PAGES:
            raise wrong_file(f"more than {MAX_PAGES:,} pages; write larger pages")
        if self._bytes > self._max_bytes:
            raise wrong_file(f"more than {self._max_bytes:,} bytes unpacked; send it in parts")
