"""Files of listings with reproducible random damage."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROWS = 150
JUNK = (
    *("inf", "-inf", "nan", "3736928711", "1e400", "1e39", "-1e5", "0x10", "1_000", "9" * 400),
    *("NULL", "N/A", "", " ", "-", "$5,000", "15.5", "\uff11\uff12\uff13\uff14", "१२३४", "True"),
    *("2021-13-45T99:99:99-0500", "0000-00-00", "28/04/2021", "1619629200", "\u202e2021", "=1+1"),
)
LEVELS = ("fuel", "transmission", "title_status", "drive", "type", "paint_color", "state")


@dataclass
class Damaged:
    """A damaged file.

    touched: ids of the rows whose content was changed (the result of all other rows must not
    change); None: the changed rows are not known. rows: number of rows, None if not known.
    refused: reading the file must raise SourceError.
    """

    content: bytes
    touched: set[str] | None = field(default_factory=set)
    rows: int | None = ROWS
    refused: bool = False


Table = list[list[str]]


def real_tables(folder: Path) -> list[Table]:
    """Some rows of each of the two real files, the header first."""
    with zipfile.ZipFile(folder / "craigslist-carstrucks-data.zip") as archive:
        with archive.open("vehicles.csv") as file:
            first = _rows(io.TextIOWrapper(file, "utf-8", newline=""))
    with gzip.open(folder / "craigslist_2020_sample.csv.gz", "rt", newline="") as file:
        second = _rows(file)
    return [first, second]


def as_csv(table: Table, **options: str) -> bytes:
    """The table as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, **{"lineterminator": "\n"} | options).writerows(table)
    return out.getvalue().encode()


def damaged(number: int, tables: list[Table]) -> tuple[str, Damaged]:
    """Damage number `number`: its name and the file."""
    rng = Random(number)
    name = list(DAMAGES)[number % len(DAMAGES)]
    table = [list(row) for row in tables[number // len(DAMAGES) % len(tables)]]
    return name, DAMAGES[name](table, rng)


def _rows(file: io.TextIOBase) -> Table:
    reader = csv.reader(file)
    return [row for row, _ in zip(reader, range(ROWS + 1))]


def _some(table: Table, rng: Random) -> list[list[str]]:
    return rng.sample(table[1:], rng.randint(1, 20))


def _ids(table: Table, rows: list[list[str]]) -> set[str]:
    index = table[0].index("id")
    return {row[index] for row in rows}


def _junk(table: Table, rng: Random) -> Damaged:
    rows = _some(table, rng)
    touched = _ids(table, rows)
    names = ("price", "year", "odometer", "posting_date", "manufacturer", "model", *LEVELS)
    for row in rows:
        row[table[0].index(rng.choice(names))] = rng.choice(JUNK)
    return Damaged(as_csv(table), touched)


def _no_id(table: Table, rng: Random) -> Damaged:
    rows = _some(table, rng)
    touched = _ids(table, rows)
    for row in rows:
        row[table[0].index("id")] = rng.choice(("", " ", "\u200b"))
    return Damaged(as_csv(table), touched)


def _odd_bytes(*choices: bytes) -> Callable[[Table, Random], Damaged]:
    """Puts bytes into some cells of columns that are read."""

    def damage(table: Table, rng: Random) -> Damaged:
        rows = _some(table, rng)
        for row in rows:
            cell = table[0].index(rng.choice(("price", "year", "odometer", "model", "region")))
            index = rng.randint(0, len(row[cell]))
            row[cell] = row[cell][:index] + "\ue000" + row[cell][index + 1 :]
        content = as_csv(table)
        while "\ue000".encode() in content:
            content = content.replace("\ue000".encode(), rng.choice(choices), 1)
        return Damaged(content, _ids(table, rows))

    return damage


def _ragged(table: Table, rng: Random) -> Damaged:
    rows = _some(table, rng)
    touched = _ids(table, rows)
    for row in rows:
        index = rng.randrange(1, len(row))
        row[index:index] = [rng.choice(("", "more"))] * rng.randint(1, 3)
        if rng.random() < 0.5:
            del row[rng.randint(1, len(table[0]) - 1) :]
    return Damaged(as_csv(table), touched)


def _shifted(table: Table, rng: Random) -> Damaged:
    rows = _some(table, rng)
    touched = _ids(table, rows)
    for row in rows:
        index = rng.randrange(4, len(row) - 1)
        row[index:] = ["", *row[index:-1]]
    return Damaged(as_csv(table), touched)


def _swapped_levels(table: Table, rng: Random) -> Damaged:
    a, b = (table[0].index(name) for name in rng.sample(LEVELS, 2))
    table[0][a], table[0][b] = table[0][b], table[0][a]
    filled = [row for row in table[1:] if row[a] or row[b]]
    return Damaged(as_csv(table), _ids(table, filled))


def _swapped_columns(table: Table, rng: Random) -> Damaged:
    a, b = rng.sample(range(len(table[0])), 2)
    table[0][a], table[0][b] = table[0][b], table[0][a]
    return Damaged(as_csv(table), None)


def _stray_quote(table: Table, rng: Random) -> Damaged:
    lines = as_csv(table).splitlines(keepends=True)
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(1, len(lines))
        index = rng.choice([i for i, c in enumerate(lines[row]) if c == ord(",")])
        lines[row] = lines[row][: index + 1] + b'"' + lines[row][index + 1 :]
    return Damaged(b"".join(lines), None, None)


def _flipped_bytes(table: Table, rng: Random) -> Damaged:
    content = bytearray(as_csv(table))
    for _ in range(rng.randint(1, 30)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return Damaged(bytes(content), None, None)


def _cut_off(table: Table, rng: Random) -> Damaged:
    content = as_csv(table)
    end = rng.randrange(len(as_csv(table[:2])), len(content))
    whole = content[:end].count(b"\n") - 1
    beyond = _ids(table, table[1 + whole :])
    return Damaged(content[:end], beyond, None)


def _wide(table: Table, rng: Random) -> Damaged:
    encoding = rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32"))
    return Damaged(as_csv(table).decode().encode(encoding), None, None, refused=True)


def _marked(table: Table, rng: Random) -> Damaged:
    del rng
    return Damaged(b"\xef\xbb\xbf" + as_csv(table))


def _line_ends(table: Table, rng: Random) -> Damaged:
    return Damaged(as_csv(table, lineterminator=rng.choice(("\r\n", "\r\n", "\r"))))


def _blank_lines(table: Table, rng: Random) -> Damaged:
    lines = as_csv(table).splitlines()
    for _ in range(rng.randint(1, 9)):
        lines.insert(rng.randrange(1, len(lines) + 1), rng.choice((b"", b"\r")))
    return Damaged(b"\n".join(lines))


def _header_again(table: Table, rng: Random) -> Damaged:
    table.insert(rng.randrange(2, len(table)), list(table[0]))
    return Damaged(as_csv(table), rows=ROWS + 1)


def _useless(table: Table, rng: Random) -> Damaged:
    header = as_csv(table[:1])
    content = rng.choice(
        (b"", b"\n", b"\x00" * 99, header, header + b"\n\r\n", b"PK\x03\x04", b"{}")
    )
    return Damaged(content, None, None, refused=True)


def _wrong_head(table: Table, rng: Random) -> Damaged:
    index = table[0].index(rng.choice(("id", "price", "year", "posting_date")))
    table[0][index] = rng.choice(("", "foreign", "region", table[0][index].upper() + "?"))
    return Damaged(as_csv(table), None, None, refused=True)


def _other_delimiter(table: Table, rng: Random) -> Damaged:
    return Damaged(as_csv(table, delimiter=rng.choice(";\t|")), None, None, refused=True)


def _packed(table: Table, rng: Random) -> bytes:
    content = as_csv(table)
    if rng.random() < 0.5:
        return gzip.compress(content)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vehicles.csv", content)
    return out.getvalue()


def _cut_archive(table: Table, rng: Random) -> Damaged:
    packed = _packed(table, rng)
    return Damaged(packed[: rng.randrange(5, len(packed) - 8)], None, None, refused=True)


def _damaged_archive(table: Table, rng: Random) -> Damaged:
    packed = bytearray(_packed(table, rng))
    for _ in range(rng.randint(1, 4)):
        packed[rng.randrange(len(packed))] = rng.randrange(256)
    return Damaged(bytes(packed), None, None)


DAMAGES: dict[str, Callable[[Table, Random], Damaged]] = {
    "junk values": _junk,
    "no id": _no_id,
    "Latin-1 bytes": _odd_bytes(b"\xf1", b"\xe9", b"\xff", b"\xc3"),
    "NUL bytes": _odd_bytes(b"\x00", b"\x00\x00", b"\x1a"),
    "ragged rows": _ragged,
    "shifted cells": _shifted,
    "swapped levels": _swapped_levels,
    "swapped columns": _swapped_columns,
    "stray quotes": _stray_quote,
    "flipped bytes": _flipped_bytes,
    "cut off": _cut_off,
    "UTF-16 and 32": _wide,
    "byte order mark": _marked,
    "line ends": _line_ends,
    "blank lines": _blank_lines,
    "header again": _header_again,
    "useless": _useless,
    "wrong head": _wrong_head,
    "other delimiter": _other_delimiter,
    "cut archive": _cut_archive,
    "damaged archive": _damaged_archive,
}
