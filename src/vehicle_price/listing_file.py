"""Listings to price in a file, and the file with their prices."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from vehicle_price.listing import check_many
from vehicle_price.schema import BY_NAME, TARGET
from vehicle_price.valuation import Estimate


def read_listings(path: Path) -> list[dict[str, object]]:
    """Checked listings from a CSV or JSON file with raw column names; a price is left out.

    Raises ValueError naming the row (from 0), the column and the limit.
    """
    text = path.read_text("utf-8-sig")
    rows: list = _from_csv(text) if path.suffix.lower() == ".csv" else _from_json(text, path)
    if not rows:
        raise ValueError(f"{path}: no listing in it")
    return check_many([_without_price(row) for row in rows])


def write_prices(
    listings: Sequence[dict[str, object]], estimates: Sequence[Estimate], path: Path | None
) -> None:
    """The listings as CSV with the columns price, low, high and warnings; None: the screen."""
    names = [name for name in BY_NAME if any(name in listing for listing in listings)]
    with path.open("w", newline="", encoding="utf-8") if path else nullcontext(sys.stdout) as out:
        writer = csv.DictWriter(out, [*names, *Estimate._fields])
        writer.writeheader()
        for listing, estimate in zip(listings, estimates, strict=True):
            priced = estimate._asdict() | {"warnings": "; ".join(estimate.warnings)}
            writer.writerow(listing | priced)


def _from_csv(text: str) -> list[dict[str, object]]:
    reader = csv.DictReader(io.StringIO(text))
    return [{k: _number(k, v) for k, v in row.items() if v} for row in reader]


def _number(name: str, value: str) -> object:
    """Columns of numbers as numbers; what is none is left for the check to refuse."""
    column = BY_NAME.get(name)
    if column is None or column.kind not in ("integer", "number"):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _from_json(text: str, path: Path) -> list[dict[str, object]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path}: neither *.csv nor JSON ({error})") from error
    return found if isinstance(found, list) else [found]


def _without_price(row: object) -> object:
    return {k: v for k, v in row.items() if k != TARGET.name} if isinstance(row, dict) else row
