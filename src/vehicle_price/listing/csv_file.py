"""Read a CSV file of listings in chunks, and encode the same rows with added columns."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from typing import IO

from vehicle_price.listing.errors import FieldError, WrongValues, echo, wrong_file
from vehicle_price.listing.files import check_rows, is_numeric_column, parse_number
from vehicle_price.listing.validation import check_names
from vehicle_price.schema import TARGET

MAX_ROW_CHARACTERS = 1_000_000
MAX_CELLS = 256  # of a row
CHUNK_BYTES = 8_000_000  # in memory, about
CELL_BYTES = 64  # of a cell in memory, beside its characters


class _Rows:
    """The rows of `text` but blank lines, the header first. `bytes_read` counts them in memory.

    Raises WrongValues for a row of more than MAX_ROW_CHARACTERS, over all its lines, or a row after
    the header of more than MAX_CELLS. Of a longer header, the first MAX_CELLS + 1 cells are
    returned: at least one of them is no column of a listing.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._row = self._row_characters = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[list[str]]:
        for row in csv.reader(self._lines()):
            self.bytes_read += self._row_characters + CELL_BYTES * len(row)
            self._row_characters = 0
            if not row:
                continue
            if len(row) > MAX_CELLS:
                if self._row:
                    raise self._too_long(f"{len(row):,} cells; at most {MAX_CELLS} are read")
                row = row[: MAX_CELLS + 1]
            self._row += 1
            yield row

    def _lines(self) -> Iterator[str]:
        read_line = self._text.readline
        while line := read_line(MAX_ROW_CHARACTERS + 1):
            self._row_characters += len(line)
            if self._row_characters > MAX_ROW_CHARACTERS:
                raise self._too_long(f"more than {MAX_ROW_CHARACTERS:,} characters")
            yield line

    def _too_long(self, detail: str) -> WrongValues:
        row = f"row {self._row:,}" if self._row else "the header"
        return wrong_file(f"{row} has {detail}")


class PricedCsv:
    """A CSV file (UTF-8, with a header) whose cells are returned unchanged, with `added` columns.

    The constructor raises WrongValues unless the whole file can be read.
    """

    def __init__(self, file: IO[bytes], added: Sequence[str]) -> None:
        self._file = file
        self._check_all()
        self._rows = self._open()
        self._cells = iter(self._rows)
        self._names = [name.strip() for name in next(self._cells, [])]
        _check_header(self._names, added)
        self._added = added
        self._header_written = False
        self._columns = [
            (index, name, is_numeric_column(name))
            for index, name in enumerate(self._names)
            if name != TARGET.name
        ]

    def chunks(self, rows: int) -> Iterator[list[list[str]]]:
        """All rows in order, in chunks of at most `rows` rows and about CHUNK_BYTES in memory."""
        chunk: list[list[str]] = []
        limit = self._rows.bytes_read + CHUNK_BYTES
        for row in self._cells:
            chunk.append(row)
            if len(chunk) == rows or self._rows.bytes_read > limit:
                yield chunk
                chunk, limit = [], self._rows.bytes_read + CHUNK_BYTES
        if chunk:
            yield chunk

    def listings(self, chunk: Sequence[list[str]]) -> Iterator[dict[str, object] | str]:
        """Each row as a listing to check, or as its error. An empty cell is an absent value."""
        width, columns = len(self._names), self._columns
        for row in chunk:
            if len(row) > width:
                yield f"has more cells than the head of the file: {echo(', '.join(row[width:]))}"
                continue
            if len(row) < width:
                row = _padded(row, width)
            yield {
                name: parse_number(cell) if numeric else cell
                for index, name, numeric in columns
                if (cell := row[index])
            }

    def encode(self, chunk: Sequence[list[str]], added: Sequence[Sequence[object]]) -> bytes:
        """The rows as CSV. added: the values of the added columns of each row; None is empty."""
        text, width = io.StringIO(newline=""), len(self._names)
        writer = csv.writer(text)
        if not self._header_written:
            writer.writerow([*self._names, *self._added])
            self._header_written = True
        writer.writerows(
            [*row, *values] if len(row) == width else [*_padded(row, width), *values]
            for row, values in zip(chunk, added, strict=True)
        )
        return text.getvalue().encode()

    def end(self) -> bytes:
        """The bytes after the last row: none, or the header of a file without rows."""
        return b"" if self._header_written else self.encode([], [])

    def _open(self) -> _Rows:
        """The rows from the start of the file."""
        self._file.flush()
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        encoding = "utf-8-sig"
        return _Rows(open(self._file.fileno(), encoding=encoding, newline="", closefd=False))

    def _check_all(self) -> None:
        """Read the whole file: the response is streamed, so errors must be found before it."""
        try:
            check_rows(sum(1 for _ in self._open()) - 1)
        except UnicodeDecodeError as error:
            raise wrong_file(f"not UTF-8: {error.reason}") from error
        except csv.Error as error:
            raise wrong_file(f"not CSV: {error}") from error


def _padded(row: list[str], width: int) -> list[str]:
    """`row` with as many cells as the header."""
    return row[:width] + [""] * (width - len(row))


def _check_header(names: Sequence[str], added: Sequence[str]) -> None:
    if not names:
        raise wrong_file("the file is empty; expected a head with column names")
    conflicts = [
        FieldError(f"/{n}", "is the name of a column that is added", n) for n in names if n in added
    ]
    if conflicts:
        raise WrongValues(conflicts)
    check_names(names)
