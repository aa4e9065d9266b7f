"""A Parquet file of listings, read in parts, and the same rows again with columns added."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.error_text import first_line
from vehicle_price.listing.errors import FieldError, WrongValues
from vehicle_price.listing.files import check_rows, is_number, number
from vehicle_price.listing.validation import check_names
from vehicle_price.schema import TARGET

MOST_GROUP_BYTES = 512_000_000  # of one row group, unpacked
NOT_PARQUET = (pa.ArrowException, OSError, UnicodeError)
KINDS = {int: pa.int64(), str: pa.string()}


class PricedParquet:
    """Reads `file` and writes its columns as they came, with `added` columns (name → type).

    Raises WrongValues at once if this is no Parquet file of listings.
    """

    def __init__(self, file: IO[bytes], added: Mapping[str, type]) -> None:
        try:
            self._file = pq.ParquetFile(file)
            self._check_size()
            for _ in self._file.iter_batches(use_threads=False):
                pass  # what is answered is streamed, so what is damaged must be known before
        except NOT_PARQUET as error:
            raise WrongValues([FieldError("", f"not Parquet: {first_line(error)}")]) from error
        schema = self._file.schema_arrow
        check_names([n for n in schema.names if n not in added])
        taken = [FieldError(f"/{n}", "is the name of a column that is added", n) for n in added]
        if any(name in added for name in schema.names):
            raise WrongValues([error for error in taken if error.value in schema.names])
        self._schema = schema.remove_metadata()
        self._added = pa.schema([pa.field(name, KINDS[kind]) for name, kind in added.items()])
        self._sink = _Sink()
        whole = pa.schema([*self._schema, *self._added])
        self._writer = pq.ParquetWriter(self._sink, whole, compression="zstd")

    def parts(self, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows in their order, so many at a time."""
        return self._file.iter_batches(rows, use_threads=False)

    def listings(self, part: pa.RecordBatch) -> Iterator[dict[str, object]]:
        """The rows as listings to check; null and NaN are absent values."""
        names = [name for name in part.schema.names if name != TARGET.name]
        columns = [_cells(name, part.column(name)) for name in names]
        for cells in zip(*columns, strict=True):
            yield {n: cell for n, cell in zip(names, cells, strict=True) if cell is not None}

    def written(self, part: pa.RecordBatch, added: Sequence[Sequence[object]]) -> bytes:
        """The rows as a group of Parquet; with each, its values of the columns `added`."""
        values = zip(*added, strict=True) if added else [()] * len(self._added)
        more = [
            pa.array(list(column), field.type)
            for column, field in zip(values, self._added, strict=True)
        ]
        columns = [*part.columns, *more]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._writer.schema))
        return self._sink.taken()

    def end(self) -> bytes:
        """The foot of the file."""
        self._writer.close()
        return self._sink.taken()

    def _check_size(self) -> None:
        about = self._file.metadata
        check_rows(about.num_rows)
        sizes = [about.row_group(n).total_byte_size for n in range(about.num_row_groups)]
        if max(sizes, default=0) > MOST_GROUP_BYTES:
            detail = f"a row group of {max(sizes):,} bytes; at most {MOST_GROUP_BYTES:,} are read"
            raise WrongValues([FieldError("", detail)])


class _Sink:
    """Takes what the writer writes until it is fetched."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Keep `data`."""
        part = bytes(data)
        self._parts.append(part)
        self._place += len(part)
        return len(part)

    def tell(self) -> int:
        """How much was written."""
        return self._place

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        found, self._parts = b"".join(self._parts), []
        return found


def _cells(name: str, column: pa.Array) -> list[object]:
    cells = [_plain(value) for value in column.to_pylist()]
    if is_number(name):  # a file made of text, as Kaggle ships it
        return [number(cell) if isinstance(cell, str) else cell for cell in cells]
    return cells


def _plain(value: object) -> object:
    """A cell as JSON would have it."""
    if value is None or value == "" or isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (bool, int, float, str, list, dict)) else str(value)
