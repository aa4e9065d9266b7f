"""Decode the rows of a Parquet file, a bounded number of bytes at a time."""

import math
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.listing.errors import not_parquet, wrong_file
from vehicle_price.listing.parquet_footer import Footer
from vehicle_price.listing.parquet_memory import MAX_CELL_BYTES, cell_too_long

CHUNK_BYTES = 4 * 2**20
READ_ROWS = 5_000  # decoded at a time, at most
# Bytes of the position where a text ends, by type.
TEXT_TYPES = {pa.string(): 4, pa.large_string(): 8, pa.binary(): 4, pa.large_binary(): 8}
MIN_READ_ROWS = 10  # also if they are longer than CHUNK_BYTES: each batch takes time


class ParquetRows:
    """The rows of `file`. row_bytes: of a decoded row, see `largest_row`.

    schema: the columns as they are written again: a column of dictionaries as one of their values.
    """

    def __init__(self, file: IO[bytes], footer: Footer, row_bytes: int) -> None:
        self._file = footer.open(file, stored_schema=True)
        stored = self._file.schema_arrow.remove_metadata()
        self.schema = pa.schema([field.with_type(_value_type(field.type)) for field in stored])
        # Views are read as text: Arrow counts the bytes of a slice of them wrongly.
        self._schema = pa.schema([field.with_type(_plain_type(field.type)) for field in stored])
        if self._schema != stored:  # of a dictionary, Arrow would hold all texts
            self._file = footer.open(file, stored_schema=False)
        self._read_rows = max(MIN_READ_ROWS, min(READ_ROWS, CHUNK_BYTES // row_bytes))

    def check_all(self, max_bytes: int) -> None:
        """Decode all rows. Raises WrongValues for a long cell, long texts or fewer rows than the
        footer has, and what Arrow raises.

        max_bytes: of the texts of all rows.
        """
        total = rows = 0
        row_bytes = sum(map(_fixed_bytes, self._schema.types))
        for batch in self._batches(READ_ROWS):
            rows, size = rows + batch.num_rows, batch.nbytes
            total += max(0, size - math.ceil(batch.num_rows * row_bytes))
            if total > max_bytes:
                raise wrong_file(f"more than {max_bytes:,} bytes of text; send it in parts")
            if size > MAX_CELL_BYTES:
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    _check_cells(name, column)
        if rows != self._file.metadata.num_rows:  # Arrow ends at an empty page
            raise not_parquet("the numbers of rows differ")

    def chunks(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All rows in order, in chunks of at most `rows` rows and about CHUNK_BYTES."""
        pending: list[pa.RecordBatch] = []
        pending_rows = pending_bytes = 0
        for batch in self._batches(rows):
            for part in _parts(batch):
                if pending and (
                    pending_rows + part.num_rows > rows or pending_bytes + part.nbytes > CHUNK_BYTES
                ):
                    yield _joined(pending)
                    pending, pending_rows, pending_bytes = [], 0, 0
                pending.append(part)
                pending_rows += part.num_rows
                pending_bytes += part.nbytes
        if pending:
            yield _joined(pending)

    def _batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        for batch in self._file.iter_batches(min(rows, self._read_rows), use_threads=False):
            yield batch if batch.schema == self._schema else batch.cast(self._schema)
            large = batch.nbytes > CHUNK_BYTES // 4
            del batch
            if large:  # Arrow's allocator would hold several times what is used
                pa.default_memory_pool().release_unused()


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows of `batch` in parts of at most CHUNK_BYTES, or of one row."""
    if batch.nbytes <= CHUNK_BYTES or batch.num_rows < 2:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def _fixed_bytes(arrow_type: pa.DataType) -> float:
    """Bytes of a cell beside its text: a number and whether it is null, or where its text ends."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return _fixed_bytes(arrow_type.storage_type)
    if arrow_type in TEXT_TYPES:
        return TEXT_TYPES[arrow_type] + 1 / 8
    return 0 if arrow_type == pa.null() else (arrow_type.bit_width + 1) / 8


def _check_cells(name: str, column: pa.Array) -> None:
    """Raise WrongValues for a text of more than MAX_CELL_BYTES in a column."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type in TEXT_TYPES:
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > MAX_CELL_BYTES:
            raise cell_too_long(name, longest)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def _value_type(arrow_type: pa.DataType) -> pa.DataType:
    return arrow_type.value_type if pa.types.is_dictionary(arrow_type) else arrow_type


def _plain_type(arrow_type: pa.DataType) -> pa.DataType:
    """The type in which the values of a column are read."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    value_type = _value_type(arrow_type)
    return plain.get(value_type, value_type)
