"""Bound the memory that decoding a Parquet file takes, from its pages, before it is decoded."""

import struct
from typing import IO, NamedTuple

from vehicle_price.listing.errors import FieldError, WrongValues, not_parquet, wrong_file
from vehicle_price.listing.parquet_footer import Footer
from vehicle_price.listing.parquet_pages import DICTIONARY_PAGE, ColumnChunk, Page, PageWalker

MAX_CELL_BYTES = 131_072  # as many characters as Python's CSV reader takes
MAX_MEMORY = 48_000_000  # to decode all columns; with copies in Python, it takes up to twice that
CELL_OVERHEAD = 100  # of a page with one cell, beside the cell
TEXT_BYTES = 20  # of each text of a dictionary, beside the text itself
# A batch of rows may end one data page and begin the next, and all bytes of both may belong to the
# batch: pages of texts are counted once as pages and twice as rows.
TEXT_PAGE_COPIES = 3
# `Encoding` in parquet.thrift: PLAIN_DICTIONARY, RLE_DICTIONARY.
DICTIONARY_ENCODINGS = (2, 8)
# PLAIN, RLE, DELTA_BINARY_PACKED, BYTE_STREAM_SPLIT. Not the two others, both for texts. In
# DELTA_BYTE_ARRAY (7) a text repeats the start of the one before: a short page can be decoded to
# gigabytes. DELTA_LENGTH_BYTE_ARRAY (6) has a second number of values, which Arrow decodes.
OTHER_ENCODINGS = (0, 3, 5, 9)


class ChunkSize(NamedTuple):
    """Bytes of a column in one row group: its dictionary, other memory, and one decoded row."""

    dictionary: int
    other: int
    row: int


def largest_row(file: IO[bytes], footer: Footer, max_bytes: int) -> int:
    """Bytes of a decoded row, all columns: the largest mean of a page or text of a dictionary.

    max_bytes: of all pages, unpacked. Raises WrongValues for pages that cannot be read, are too
    large or too many, and what Arrow raises for a dictionary that cannot be unpacked.
    """
    walker, largest = PageWalker(file, max_bytes), 1
    for chunks in footer.row_groups():
        sizes = [_chunk_size(walker, chunk) for chunk in chunks]
        copied = max(size.dictionary for size in sizes)  # one after the other
        _check_memory(copied + sum(size.dictionary + size.other for size in sizes))
        largest = max(largest, sum(size.row for size in sizes))
    return largest


def _chunk_size(walker: PageWalker, chunk: ColumnChunk) -> ChunkSize:
    dictionary = texts = largest = row = 0
    for page in walker.pages(chunk):
        if page.kind == DICTIONARY_PAGE:
            dictionary += page.size
            _check_memory(2 * dictionary)
            if chunk.is_text:
                texts += page.values
                row = max(row, _longest_text(walker.content(page, chunk.codec), page))
        elif page.encoding in DICTIONARY_ENCODINGS:
            largest = max(largest, page.size)
        elif page.encoding in OTHER_ENCODINGS:
            largest = max(largest, page.size * (TEXT_PAGE_COPIES if chunk.is_text else 1))
            row = max(row, page.size // max(page.values, 1))  # the mean: one cell is as long
        else:
            detail = f"has Parquet's encoding {page.encoding}, which is not read"
            raise WrongValues([FieldError(f"/{chunk.name}", detail)])
        if row > MAX_CELL_BYTES + CELL_OVERHEAD:
            raise cell_too_long(chunk.name, row)
    return ChunkSize(dictionary, largest + TEXT_BYTES * texts, row)


def cell_too_long(name: str, size: int) -> WrongValues:
    """The error for a cell of `size` bytes."""
    detail = f"has a cell of {size:,} bytes; at most {MAX_CELL_BYTES:,} are read"
    return WrongValues([FieldError(f"/{name}", detail)])


def _check_memory(size: int) -> None:
    if size > MAX_MEMORY:
        limit = f"at most {MAX_MEMORY:,} are used; write smaller pages or row groups"
        raise wrong_file(f"decoding needs {size:,} bytes of memory; {limit}")


def _longest_text(content: bytes, page: Page) -> int:
    """Bytes of the longest text of a dictionary, in which each one follows its length."""
    lengths, position, unpack = {0}, 0, struct.Struct("<I").unpack_from
    try:
        for _ in range(page.values):
            (length,) = unpack(content, position)
            lengths.add(length)
            position += 4 + length
    except struct.error as error:
        raise not_parquet("a dictionary ends too early") from error
    return max(lengths)
