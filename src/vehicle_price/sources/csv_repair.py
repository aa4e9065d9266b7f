"""Read a CSV file with damaged rows: a row that does not fit the header costs no other row.

A thread parses the file, one table ahead of the caller, who checks and stores the rows.
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
from vehicle_price.sources.csv_reader import Utf8Stream, parse_csv, regroup
from vehicle_price.sources.prefetch import prefetch

log = logging.getLogger(__name__)

SHOWN_CHARACTERS = 60
RAGGED = re.compile(r"CSV parse error: (Row #\d+: )?Expected \d+ columns")


def read_tables(opened: Callable[[], IO[bytes]], names: list[str]) -> Iterator[pa.Table]:
    """The columns of STORED_COLUMNS in tables of at most BATCH_ROWS rows, as bytes.

    names: the columns in the first line. A row with more or fewer fields comes in a table of its
    own, with the column READER_FAULT. An unclosed quote swallows the rows that follow it: they are
    recovered; the row with the quote itself breaks the contract.
    Raises pyarrow.ArrowException where the file cannot be parsed any further.
    """
    rows = 0
    try:
        for table in prefetch(regroup(parse_csv(opened()))):
            rows += table.num_rows
            yield table
            yield from _rows_inside_cells(table, names)
        return
    except pa.ArrowInvalid as error:
        if not RAGGED.match(str(error)):
            raise
        log.warning("rows that do not fit the header are set aside, the first: %.200s", error)
    # Arrow reports such rows only to a handler set beforehand, and cannot report a row that is not
    # UTF-8: hence a second pass, from the first row that was not yet yielded.
    ragged: list[pacsv.InvalidRow] = []
    batches = parse_csv(Utf8Stream(opened()), _append_to(ragged))
    for table in regroup(_skip_rows(rows, batches)):
        yield table
        yield from _rows_inside_cells(table, names)
        yield from _faulty_tables(ragged, names)
    yield from _faulty_tables(ragged, names)


def _skip_rows(rows: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches without their first `rows` rows."""
    for batch in batches:
        yield batch.slice(rows)
        rows = max(0, rows - batch.num_rows)


def _append_to(ragged: list[pacsv.InvalidRow]) -> Callable[[pacsv.InvalidRow], str]:
    def collect(row: pacsv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    return collect


def _faulty_tables(ragged: list[pacsv.InvalidRow], names: list[str]) -> Iterator[pa.Table]:
    """The rows collected in `ragged`, which is emptied, and the rows swallowed by them."""
    rows = ragged.copy()
    ragged.clear()
    if rows:
        schema = pa.schema([(name, pa.string()) for name in (*STORED_COLUMNS, READER_FAULT)])
        yield pa.Table.from_pylist([_faulty_row(row, names) for row in rows], schema)
    for row in rows:
        yield from regroup(_swallowed_rows(row.text, names))


def _faulty_row(row: pacsv.InvalidRow, names: list[str]) -> dict[str, str]:
    """The fields of the row, assigned to columns by position, and its fault."""
    fields = dict(zip(names, _fields(row.text)))
    received = f"{row.actual_columns}: {row.text[:SHOWN_CHARACTERS]}"
    fault = f"row: not {row.expected_columns} fields, got {received}"
    return {name: fields[name] for name in STORED_COLUMNS if name in fields} | {READER_FAULT: fault}


def _fields(text: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error:
        return []  # the fault still shows the text


def _rows_inside_cells(table: pa.Table, names: list[str]) -> Iterator[pa.Table]:
    """Rows swallowed by a cell that spans lines: sound values of the stored columns never do."""
    for column in table.columns:
        if not any(_may_hold_line_break(chunk) for chunk in column.chunks):
            continue
        for cell in column.filter(pc.match_substring(column, "\n")).to_pylist():
            yield from regroup(_swallowed_rows(cell.decode("utf-8", "replace"), names))


def _may_hold_line_break(values: pa.Array) -> bool:
    """Whether any cell may hold a line break: a fast search in the bytes of all cells."""
    content = values.buffers()[2]
    return content is not None and b"\n" in content.to_pybytes()


def _swallowed_rows(text: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    """The sound rows in the lines after the first line of `text`."""
    pending = [text]
    while pending:
        rest = pending.pop().partition("\n")[2]
        if rest.strip():
            ragged: list[pacsv.InvalidRow] = []
            yield from parse_csv(io.BytesIO(rest.encode()), _append_to(ragged), names)
            pending += [row.text for row in ragged]
