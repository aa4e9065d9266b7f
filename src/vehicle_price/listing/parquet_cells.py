"""The rows of a Parquet file as listings; a cell that Python cannot represent is an error."""

import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from vehicle_price.error_text import first_line
from vehicle_price.listing.errors import echo
from vehicle_price.listing.files import is_numeric_column, parse_number
from vehicle_price.schema import TARGET

# What pyarrow raises for a cell: a date outside Python's years, text that is not UTF-8, an unknown
# time zone and the like.
CELL_ERRORS = (pa.ArrowException, ValueError, LookupError, ArithmeticError, TypeError)


def rows_as_listings(chunk: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
    """Each row as a listing to check, or as its error. Null, NaN and "" are absent values."""
    names = [name for name in chunk.schema.names if name != TARGET.name]
    errors: dict[int, list[str]] = {}
    columns = [_cells(name, chunk.column(name), errors) for name in names]
    for row, cells in enumerate(zip(*columns, strict=True)):
        if row in errors:
            yield "; ".join(errors[row])
        else:
            yield {n: cell for n, cell in zip(names, cells, strict=True) if cell is not None}


def _cells(name: str, column: pa.Array, errors: dict[int, list[str]]) -> list[object]:
    """The cells of a column. One that cannot be read is None, and its row is added to `errors`."""
    try:
        cells = [_plain(value) for value in column.to_pylist()]
    except CELL_ERRORS:
        cells = []
        for row, scalar in enumerate(column):
            try:
                cells.append(_plain(scalar.as_py()))
            except CELL_ERRORS as error:
                cells.append(None)
                errors.setdefault(row, []).append(f"{name} {_reason(error)}")
    if is_numeric_column(name):  # a file may hold text only, like Kaggle's
        return [parse_number(cell) if isinstance(cell, str) else cell for cell in cells]
    return cells


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "is not UTF-8"
    return f"cannot be read: {echo(first_line(error))}"


def _plain(value: object) -> object:
    """A cell as a JSON value. Raises UnicodeError for bytes that are not UTF-8."""
    if isinstance(value, bytes):
        value = value.decode()
    if value is None or value == "" or isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)
