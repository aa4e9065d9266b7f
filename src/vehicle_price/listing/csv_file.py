"""A CSV file of listings, read in parts, and the same rows again with columns added."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from vehicle_price.listing.errors import FieldError, WrongValues, echo
from vehicle_price.listing.files import check_rows, is_number, number
from vehicle_price.listing.validation import check_names
from vehicle_price.schema import TARGET


class PricedCsv:
    """Reads `file` (UTF-8, with a head) and writes what came, cell by cell, with `added` columns.

    Raises WrongValues at once if the file cannot be read to its end.
    """

    def __init__(self, file: IO[bytes], added: Sequence[str]) -> None:
        self._file = file
        self._check_all()
        self._rows = self._reader()
        self._names = [name.strip() for name in next(self._rows, [])]
        _check_head(self._names, added)
        self._added = added
        self._begun = False
        self._read = [
            (place, name, is_number(name))
            for place, name in enumerate(self._names)
            if name != TARGET.name
        ]

    def parts(self, rows: int) -> Iterator[list[list[str]]]:
        """The rows in their order, so many at a time."""
        while part := list(islice(self._rows, rows)):
            yield part

    def listings(self, part: Sequence[list[str]]) -> Iterator[dict[str, object] | str]:
        """The rows as listings to check, or why one is none; an empty cell is an absent value."""
        width, read = len(self._names), self._read
        for row in part:
            if len(row) > width:
                yield f"has more cells than the head of the file: {echo(', '.join(row[width:]))}"
                continue
            if len(row) < width:
                row = _filled(row, width)
            yield {
                name: number(cell) if numeric else cell
                for place, name, numeric in read
                if (cell := row[place])
            }

    def written(self, part: Sequence[list[str]], added: Sequence[Sequence[object]]) -> bytes:
        """The rows as CSV; with each, its values of the columns `added`, nothing for None."""
        text, width = io.StringIO(newline=""), len(self._names)
        writer = csv.writer(text)
        if not self._begun:
            writer.writerow([*self._names, *self._added])
            self._begun = True
        writer.writerows(
            [*row, *more] if len(row) == width else [*_filled(row, width), *more]
            for row, more in zip(part, added, strict=True)
        )
        return text.getvalue().encode()

    def end(self) -> bytes:
        """What follows the last row: nothing, or the head of a file without rows."""
        return b"" if self._begun else self.written([], [])

    def _reader(self) -> Iterator[list[str]]:
        """All rows from the first on, without blank lines."""
        self._file.flush()
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        encoding = "utf-8-sig"
        with open(self._file.fileno(), encoding=encoding, newline="", closefd=False) as text:
            yield from filter(None, csv.reader(text))

    def _check_all(self) -> None:
        """What is answered is streamed, so what is wrong must be known before."""
        try:
            check_rows(sum(1 for _ in self._reader()) - 1)
        except UnicodeDecodeError as error:
            raise WrongValues([FieldError("", f"not UTF-8: {error.reason}")]) from error
        except csv.Error as error:
            raise WrongValues([FieldError("", f"not CSV: {error}")]) from error


def _filled(row: list[str], width: int) -> list[str]:
    """`row` with as many cells as the head of the file has."""
    return row[:width] + [""] * (width - len(row))


def _check_head(names: Sequence[str], added: Sequence[str]) -> None:
    if not names:
        raise WrongValues([FieldError("", "the file is empty; expected a head with column names")])
    taken = [
        FieldError(f"/{n}", "is the name of a column that is added", n) for n in names if n in added
    ]
    if taken:
        raise WrongValues(taken)
    check_names(names)
