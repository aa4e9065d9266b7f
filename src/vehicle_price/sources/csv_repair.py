"""Rows of a CSV file; one that does not fit the header is set aside, and takes no other along.

The file is parsed in a thread, one table ahead of who checks and stores the rows.
"""

import csv
import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS
from vehicle_price.sources.csv_reader import Utf8, gathered, parsed
from vehicle_price.sources.prefetch import ahead

log = logging.getLogger(__name__)

SHOWN_CHARACTERS = 60
RAGGED = re.compile(r"CSV parse error: (Row #\d+: )?Expected \d+ columns")


def tables(opened: Callable[[], IO[bytes]], names: list[str]) -> Iterator[pa.Table]:
    """The columns of STORED_COLUMNS in tables of at most BATCH_ROWS rows, as bytes.

    names: the columns the first line names. A row with more or fewer fields comes in a table
    of its own whose column READER_FAULT says so. Where a quote is not closed and takes the following
    rows in, they are found again; the row of the quote itself breaks the contract.
    Raises pyarrow.ArrowException where the file cannot be taken apart any further.
    """
    done = 0
    try:
        for table in ahead(gathered(parsed(opened()))):
            done += table.num_rows
            yield table
            yield from _inside_cells(table, names)
        return
    except pa.ArrowInvalid as error:
        if not RAGGED.match(str(error)):
            raise
        log.warning("rows that do not fit the header are set aside, the first: %.200s", error)
    # Arrow calls back for such rows only if told so beforehand, and cannot do it for a row that
    # is not UTF-8: hence once more, from the first row not yet handed out.
    ragged: list[pacsv.InvalidRow] = []
    for table in gathered(_after(done, parsed(Utf8(opened()), _into(ragged)))):
        yield table
        yield from _inside_cells(table, names)
        yield from _set_aside(ragged, names)
    yield from _set_aside(ragged, names)


def _after(rows: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches without their first `rows` rows."""
    for batch in batches:
        yield batch.slice(rows)
        rows = max(0, rows - batch.num_rows)


def _into(ragged: list[pacsv.InvalidRow]) -> Callable[[pacsv.InvalidRow], str]:
    def collect(row: pacsv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    return collect


def _set_aside(ragged: list[pacsv.InvalidRow], names: list[str]) -> Iterator[pa.Table]:
    """The rows collected in `ragged`, which is emptied, and those found inside them."""
    rows = ragged.copy()
    ragged.clear()
    if rows:
        schema = pa.schema([(name, pa.string()) for name in (*STORED_COLUMNS, READER_FAULT)])
        yield pa.Table.from_pylist([_faulty(row, names) for row in rows], schema)
    for row in rows:
        yield from gathered(_swallowed(row.text, names))


def _faulty(row: pacsv.InvalidRow, names: list[str]) -> dict[str, str]:
    """What there is of the row, by position, and what is wrong with it."""
    fields = dict(zip(names, _fields(row.text)))
    said = f"{row.actual_columns}: {row.text[:SHOWN_CHARACTERS]}"
    fault = f"row: not {row.expected_columns} fields, got {said}"
    return {name: fields[name] for name in STORED_COLUMNS if name in fields} | {READER_FAULT: fault}


def _fields(text: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error:
        return []  # the fault still says what stood there


def _inside_cells(table: pa.Table, names: list[str]) -> Iterator[pa.Table]:
    """Rows found in cells that span lines: no column that is read has such values by itself."""
    for column in table.columns:
        if not any(_holds_line_break(chunk) for chunk in column.chunks):
            continue
        for cell in column.filter(pc.match_substring(column, "\n")).to_pylist():
            yield from gathered(_swallowed(cell.decode("utf-8", "replace"), names))


def _holds_line_break(values: pa.Array) -> bool:
    """Whether any cell might: one look at all their bytes, which takes no time."""
    content = values.buffers()[2]
    return content is not None and b"\n" in content.to_pybytes()


def _swallowed(text: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    """The sound rows in the lines after the first."""
    waiting = [text]
    while waiting:
        rest = waiting.pop().partition("\n")[2]
        if rest.strip():
            ragged: list[pacsv.InvalidRow] = []
            yield from parsed(io.BytesIO(rest.encode()), _into(ragged), names)
            waiting += [row.text for row in ragged]
