"""Read a CSV file of listings in chunks, and encode the same rows with added columns."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from vehicle_price.listing.errors import FieldError, WrongValues, echo
from vehicle_price.listing.files import check_rows, is_numeric_column, parse_number
from vehicle_price.listing.validation import check_names
from vehicle_price.schema import TARGET


class PricedCsv:
    """A CSV file (UTF-8, with a header) whose cells are returned unchanged, with `added` columns.

    The constructor raises WrongValues unless the whole file can be read.
    """

    def __init__(self, file: IO[bytes], added: Sequence[str]) -> None:
        self._file = file
        self._check_all()
        self._rows = self._reader()
        self._names = [name.strip() for name in next(self._rows, [])]
        _check_header(self._names, added)
        self._added = added
        self._header_written = False
        self._columns = [
            (index, name, is_numeric_column(name))
            for index, name in enumerate(self._names)
            if name != TARGET.name
        ]

    def chunks(self, rows: int) -> Iterator[list[list[str]]]:
        """All rows in order, in chunks of at most `rows`."""
        while chunk := list(islice(self._rows, rows)):
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

    def _reader(self) -> Iterator[list[str]]:
        """All rows from the start of the file, without blank lines."""
        self._file.flush()
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        encoding = "utf-8-sig"
        with open(self._file.fileno(), encoding=encoding, newline="", closefd=False) as text:
            yield from filter(None, csv.reader(text))

    def _check_all(self) -> None:
        """Read the whole file: the response is streamed, so errors must be found before it."""
        try:
            check_rows(sum(1 for _ in self._reader()) - 1)
        except UnicodeDecodeError as error:
            raise WrongValues([FieldError("", f"not UTF-8: {error.reason}")]) from error
        except csv.Error as error:
            raise WrongValues([FieldError("", f"not CSV: {error}")]) from error


def _padded(row: list[str], width: int) -> list[str]:
    """`row` with as many cells as the header."""
    return row[:width] + [""] * (width - len(row))


def _check_header(names: Sequence[str], added: Sequence[str]) -> None:
    if not names:
        raise WrongValues([FieldError("", "the file is empty; expected a head with column names")])
    conflicts = [
        FieldError(f"/{n}", "is the name of a column that is added", n) for n in names if n in added
    ]
    if conflicts:
        raise WrongValues(conflicts)
    check_names(names)
