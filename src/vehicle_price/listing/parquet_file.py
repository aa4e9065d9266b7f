"""Read a Parquet file of listings in chunks, and encode the same rows with added columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.error_text import first_line
from vehicle_price.listing.errors import FieldError, WrongValues, not_parquet
from vehicle_price.listing.parquet_cells import rows_as_listings
from vehicle_price.listing.parquet_footer import Footer
from vehicle_price.listing.parquet_memory import largest_row
from vehicle_price.listing.parquet_rows import ParquetRows
from vehicle_price.listing.validation import check_names

# What pyarrow raises for a file; MemoryError for a size in a damaged page.
PARQUET_ERRORS = (pa.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError)
ARROW_TYPES = {int: pa.int64(), str: pa.string()}


class PricedParquet:
    """A Parquet file whose columns are returned unchanged, with `added` columns (name → type).

    Only a column of dictionaries is returned as one of their values.
    max_bytes: of all pages, unpacked, and of the texts of all rows.
    The constructor raises WrongValues unless the whole file can be read.
    """

    def __init__(self, file: IO[bytes], added: Mapping[str, type], max_bytes: int) -> None:
        try:
            footer = Footer(file)
            footer.check()
            _check_names(footer.names, added)
            row_bytes = largest_row(file, footer, max_bytes)
            self._rows = ParquetRows(file, footer, row_bytes)
            self._added = pa.schema([pa.field(n, ARROW_TYPES[kind]) for n, kind in added.items()])
            self._sink = _Sink()
            schema = pa.schema([*self._rows.schema, *self._added])
            self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
            self._rows.check_all(max_bytes)  # before the response starts, which is streamed
        except WrongValues:
            raise
        except PARQUET_ERRORS as error:
            raise not_parquet(first_line(error)) from error

    def chunks(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All rows in order, in chunks of at most `rows` rows and about 4 MB, decoded."""
        return self._rows.chunks(rows)

    def listings(self, chunk: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
        """Each row as a listing to check, or as its error. Null and NaN are absent values."""
        return rows_as_listings(chunk)

    def encode(self, chunk: pa.RecordBatch, added: Sequence[Sequence[object]]) -> bytes:
        """The rows as a Parquet row group. added: the values of the added columns of each row."""
        values = zip(*added, strict=True) if added else [()] * len(self._added)
        added_columns = [
            pa.array(list(column), field.type)
            for column, field in zip(values, self._added, strict=True)
        ]
        columns = [*chunk.cast(self._rows.schema).columns, *added_columns]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._writer.schema))
        return self._sink.take_bytes()

    def end(self) -> bytes:
        """The footer of the file."""
        self._writer.close()
        return self._sink.take_bytes()


def _check_names(names: Sequence[str], added: Mapping[str, type]) -> None:
    check_names([name for name in names if name not in added])
    detail = "is the name of a column that is added"
    conflicts = [FieldError(f"/{name}", detail, name) for name in added if name in names]
    if conflicts:
        raise WrongValues(conflicts)


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
