"""Read the footer of a Parquet file, check its columns, and hand Arrow what is needed of it.

A footer can grow 200-fold in Arrow's memory. One of deeply nested columns or of contradicting
statistics ends the process. So Arrow gets a footer written anew, without what is not needed.
Layout: `FileMetaData` in
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

import io
import os
import struct
from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow.parquet as pq

from vehicle_price.listing import thrift_compact as thrift
from vehicle_price.listing.errors import (
    FieldError,
    WrongValues,
    not_parquet,
    pointer_part,
    wrong_file,
)
from vehicle_price.listing.files import check_rows
from vehicle_price.listing.parquet_pages import COLUMN_FIELDS, NUM_VALUES, ColumnChunk, column_chunk
from vehicle_price.listing.thrift_compact import I32, I64, field

MAGIC = b"PAR1"
MAX_FOOTER_BYTES = 256 * 1024  # of 26 columns and 40 row groups; in memory, 60 MB at most
MAX_COLUMNS = 256
MAX_VALUE_BYTES = 16  # of a column of fixed length: enough for a UUID or a decimal of 38 digits
BUFFER_BYTES = 65_536  # of the file, in memory for each column
# FileMetaData
VERSION, SCHEMA, NUM_ROWS = field(1, I32), field(2, thrift.LIST), field(3, I64)
ROW_GROUPS, KEY_VALUES = field(4, thrift.LIST), field(5, thrift.LIST)
CREATED_BY, KEY = field(6, thrift.BINARY), field(1, thrift.BINARY)
# SchemaElement; the first one is the table.
TYPE, TYPE_LENGTH, REPETITION = field(1, I32), field(2, I32), field(3, I32)
NAME, NUM_CHILDREN = field(4, thrift.BINARY), field(5, I32)
BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, REPEATED = 6, 7, 2
# RowGroup (its NUM_ROWS is like that of the file), ColumnChunk
COLUMNS, TOTAL_BYTE_SIZE = field(1, thrift.LIST), field(2, I64)
FILE_OFFSET, METADATA = field(2, I64), field(3, thrift.STRUCT)


class Footer:
    """The footer of `file`. Raises WrongValues for one that cannot be read or is too large.

    names: of all columns, also of nested ones.
    """

    def __init__(self, file: IO[bytes]) -> None:
        content = _footer_bytes(file)
        try:
            self._fields = thrift.CompactReader(content, len(content)).struct()
        except thrift.MalformedThrift as error:
            raise not_parquet(f"in its footer, {error}") from error
        table, *self._schema = _structs(self._fields, SCHEMA) or [{}]
        if len(self._schema) > MAX_COLUMNS:
            raise wrong_file(f"{len(self._schema):,} columns; at most {MAX_COLUMNS} are read")
        self._num_columns = table.get(NUM_CHILDREN)
        self.names = [column.get(NAME, b"").decode("utf-8", "replace") for column in self._schema]

    def check(self) -> None:
        """Raise WrongValues for nested or long columns, or too many rows."""
        check_rows(self._fields.get(NUM_ROWS, 0))
        errors = []
        for name, column in zip(self.names, self._schema, strict=True):
            pointer, length = pointer_part(name), column.get(TYPE_LENGTH, 0)
            if column.get(NUM_CHILDREN) or column.get(REPETITION) == REPEATED:
                errors.append(FieldError(pointer, "is nested; expected one value a row"))
            elif column.get(TYPE) == FIXED_LEN_BYTE_ARRAY and length > MAX_VALUE_BYTES:
                detail = f"has values of {length:,} bytes; at most {MAX_VALUE_BYTES} are read"
                errors.append(FieldError(pointer, detail))
        if errors:
            raise WrongValues(errors)
        if self._num_columns != len(self._schema):
            raise not_parquet("the numbers of columns differ")

    def row_groups(self) -> Iterator[list[ColumnChunk]]:
        """The columns of each row group; each has a value for each row, else WrongValues."""
        groups = _structs(self._fields, ROW_GROUPS)
        if sum(group.get(NUM_ROWS, 0) for group in groups) != self._fields.get(NUM_ROWS):
            raise not_parquet("the numbers of rows differ")
        for group in groups:
            chunks = [chunk.get(METADATA, {}) for chunk in _structs(group, COLUMNS)]
            if len(chunks) != len(self._schema):
                raise not_parquet("the numbers of columns differ")
            if any(chunk.get(NUM_VALUES) != group.get(NUM_ROWS) for chunk in chunks):
                raise not_parquet("the numbers of rows differ")
            texts = [column.get(TYPE) == BYTE_ARRAY for column in self._schema]
            yield list(map(column_chunk, self.names, texts, chunks))

    def open(self, file: IO[bytes], stored_schema: bool) -> pq.ParquetFile:
        """The file. stored_schema: with the types of the Arrow program that wrote it.

        Raises what Arrow raises for a file that it cannot read.
        """
        groups = [_row_group(group) for group in _structs(self._fields, ROW_GROUPS)]
        pairs = _structs(self._fields, KEY_VALUES) if stored_schema else []
        pairs = [pair for pair in pairs if pair.get(KEY) == b"ARROW:schema"]
        fields = _only(self._fields, (VERSION, SCHEMA, NUM_ROWS))
        fields[ROW_GROUPS] = thrift.Items(thrift.STRUCT, groups)
        fields[KEY_VALUES] = thrift.Items(thrift.STRUCT, pairs)
        content = thrift.write_struct(fields | _only(self._fields, (CREATED_BY,)))
        footer = MAGIC + content + struct.pack("<I", len(content)) + MAGIC
        metadata = pq.read_metadata(io.BytesIO(footer))
        return pq.ParquetFile(file, metadata=metadata, pre_buffer=False, buffer_size=BUFFER_BYTES)


def _row_group(group: thrift.Fields) -> thrift.Fields:
    columns = [
        _only(chunk, (FILE_OFFSET,)) | {METADATA: _only(chunk.get(METADATA, {}), COLUMN_FIELDS)}
        for chunk in _structs(group, COLUMNS)
    ]
    sizes = _only(group, (TOTAL_BYTE_SIZE, NUM_ROWS))
    return {COLUMNS: thrift.Items(thrift.STRUCT, columns)} | sizes


def _only(fields: thrift.Fields, keys: Sequence[int]) -> thrift.Fields:
    return {key: fields[key] for key in keys if key in fields}


def _structs(fields: thrift.Fields, key: int) -> list[thrift.Fields]:
    """The structs of a list; none if it is a list of other values."""
    items = fields.get(key)
    return items.values if items and items.kind == thrift.STRUCT else []


def _footer_bytes(file: IO[bytes]) -> bytes:
    """The bytes of FileMetaData; they are followed by their length and `MAGIC`."""
    size = file.seek(0, os.SEEK_END)
    if size < 12:
        raise not_parquet("too short")
    file.seek(size - 8)
    length, magic = struct.unpack("<I4s", file.read(8))
    if magic != MAGIC or length > size - 12:
        raise not_parquet("it ends otherwise")
    if length > MAX_FOOTER_BYTES:
        limit = f"at most {MAX_FOOTER_BYTES:,} are read; write larger row groups"
        raise wrong_file(f"a footer of {length:,} bytes; {limit}")
    file.seek(size - 8 - length)
    return file.read(length)
