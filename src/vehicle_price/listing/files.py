"""Read a file of listings, and write it again with prices; rules for all file formats."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from vehicle_price.estimate import Estimate
from vehicle_price.listing.errors import wrong_file
from vehicle_price.listing.validation import check_many
from vehicle_price.schema import BY_NAME, TARGET

MAX_ROWS = 1_000_000
_SURPLUS = "cells without a column name"


def read_listings(path: Path, this_year: int) -> list[dict[str, object]]:
    """Checked listings from a CSV or JSON file with raw column names; a price is dropped.

    this_year: the year of the posting of listings without a posting date.
    Raises ValueError naming the row (from 0), the column and the limit.
    """
    text = _text(path)
    rows: list = _from_csv(text, path) if path.suffix.lower() == ".csv" else _from_json(text, path)
    if not rows:
        raise ValueError(f"{path}: no listing in it")
    return check_many([_without_price(row) for row in rows], this_year)


def write_prices(
    listings: Sequence[dict[str, object]], estimates: Sequence[Estimate], path: Path | None
) -> None:
    """The listings as CSV with the columns price, low, high and warnings. path: None for stdout."""
    names = [name for name in BY_NAME if any(name in listing for listing in listings)]
    with path.open("w", newline="", encoding="utf-8") if path else nullcontext(sys.stdout) as out:
        writer = csv.DictWriter(out, [*names, *Estimate._fields])
        writer.writeheader()
        for listing, estimate in zip(listings, estimates, strict=True):
            priced = estimate._asdict() | {"warnings": "; ".join(estimate.warnings)}
            writer.writerow(listing | priced)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from error


def _from_csv(text: str, path: Path) -> list[dict[str, object]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), restkey=_SURPLUS))
    except csv.Error as error:
        raise ValueError(f"{path}: not CSV ({error})") from error
    for index, row in enumerate(rows):
        if _SURPLUS in row:
            raise ValueError(f"{path}: /{index} has more cells than the head of the file")
    return [
        {k: parse_number(v) if is_numeric_column(k) else v for k, v in row.items() if v}
        for row in rows
    ]


def check_rows(rows: int) -> None:
    """Raise WrongValues if a file has more than MAX_ROWS rows."""
    if rows > MAX_ROWS:
        raise wrong_file(f"{rows:,} rows; at most {MAX_ROWS:,} are priced")


def is_numeric_column(name: str) -> bool:
    """Whether the column `name` holds numbers."""
    column = BY_NAME.get(name)
    return column is not None and column.kind in ("integer", "number")


def parse_number(value: str) -> object:
    """The number in a cell; any other text unchanged, for the validation to refuse.

    >>> parse_number("2014.0"), parse_number("many")
    (2014, 'many')
    """
    try:
        parsed = float(value)
    except ValueError:
        return value
    return int(parsed) if parsed.is_integer() else parsed


def _from_json(text: str, path: Path) -> list[dict[str, object]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: neither *.csv nor JSON ({error})") from error
    return content if isinstance(content, list) else [content]


def _without_price(row: object) -> object:
    return {k: v for k, v in row.items() if k != TARGET.name} if isinstance(row, dict) else row
