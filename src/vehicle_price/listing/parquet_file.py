"""Read a Parquet file of listings in chunks, and encode the same rows with added columns."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.error_text import first_line
from vehicle_price.listing.errors import FieldError, WrongValues
from vehicle_price.listing.files import check_rows, is_numeric_column, parse_number
from vehicle_price.listing.validation import check_names
from vehicle_price.schema import TARGET

MAX_GROUP_BYTES = 512_000_000  # of one row group, uncompressed
PARQUET_ERRORS = (pa.ArrowException, OSError, UnicodeError)
ARROW_TYPES = {int: pa.int64(), str: pa.string()}


class PricedParquet:
    """A Parquet file whose columns are returned unchanged, with `added` columns (name → type).

    The constructor raises WrongValues unless the whole file can be read.
    """

    def __init__(self, file: IO[bytes], added: Mapping[str, type]) -> None:
        try:
            self._file = pq.ParquetFile(file)
            self._check_size()
            for _ in self._file.iter_batches(use_threads=False):
                pass  # the response is streamed, so errors must be found before it starts
        except PARQUET_ERRORS as error:
            raise WrongValues([FieldError("", f"not Parquet: {first_line(error)}")]) from error
        schema = self._file.schema_arrow
        check_names([n for n in schema.names if n not in added])
        conflicts = [FieldError(f"/{n}", "is the name of a column that is added", n) for n in added]
        if any(name in added for name in schema.names):
            raise WrongValues([error for error in conflicts if error.value in schema.names])
        self._schema = schema.remove_metadata()
        self._added = pa.schema([pa.field(name, ARROW_TYPES[kind]) for name, kind in added.items()])
        self._sink = _Sink()
        schema = pa.schema([*self._schema, *self._added])
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")

    def chunks(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All rows in order, in chunks of at most `rows`."""
        return self._file.iter_batches(rows, use_threads=False)

    def listings(self, chunk: pa.RecordBatch) -> Iterator[dict[str, object]]:
        """Each row as a listing to check. Null and NaN are absent values."""
        names = [name for name in chunk.schema.names if name != TARGET.name]
        columns = [_cells(name, chunk.column(name)) for name in names]
        for cells in zip(*columns, strict=True):
            yield {n: cell for n, cell in zip(names, cells, strict=True) if cell is not None}

    def encode(self, chunk: pa.RecordBatch, added: Sequence[Sequence[object]]) -> bytes:
        """The rows as a Parquet row group. added: the values of the added columns of each row."""
        values = zip(*added, strict=True) if added else [()] * len(self._added)
        added_columns = [
            pa.array(list(column), field.type)
            for column, field in zip(values, self._added, strict=True)
        ]
        columns = [*chunk.columns, *added_columns]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._writer.schema))
        return self._sink.take_bytes()

    def end(self) -> bytes:
        """The footer of the file."""
        self._writer.close()
        return self._sink.take_bytes()

    def _check_size(self) -> None:
        metadata = self._file.metadata
        check_rows(metadata.num_rows)
        sizes = [metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)]
        if max(sizes, default=0) > MAX_GROUP_BYTES:
            detail = f"a row group of {max(sizes):,} bytes; at most {MAX_GROUP_BYTES:,} are read"
            raise WrongValues([FieldError("", detail)])


class _Sink:
    """A file object for the writer: collects the written bytes until they are taken."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Collect `data`."""
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def tell(self) -> int:
        """Number of bytes written so far."""
        return self._position

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def take_bytes(self) -> bytes:
        """The bytes written since the last call."""
        content, self._chunks = b"".join(self._chunks), []
        return content


def _cells(name: str, column: pa.Array) -> list[object]:
    cells = [_plain(value) for value in column.to_pylist()]
    if is_numeric_column(name):  # a file may hold text only, like Kaggle's
        return [parse_number(cell) if isinstance(cell, str) else cell for cell in cells]
    return cells


def _plain(value: object) -> object:
    """A cell as a JSON value."""
    if value is None or value == "" or isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (bool, int, float, str, list, dict)) else str(value)
