"""The rules of the contract, generated from the columns of the schema.

Each check takes one column and returns its typed values (null where a value is invalid) and the
violations found.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.text_columns import Cells, full_match
from vehicle_price.schema import YEARS_AHEAD, Column

WHOLE_NUMBER = r"-?\d{1,15}(\.\d{1,9})?([eE][+-]?\d{1,2})?"
ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?"
MOMENT = pa.timestamp("ns", "UTC")
BROKEN_CHARACTER = "\N{REPLACEMENT CHARACTER}"
CONTROL_CHARACTER = r"[\x00-\x08\x0b\x0e-\x1f\x7f]"
# An unclosed quote turns the following lines into one cell.
LINE_BREAK = r"\S\s*\n\s*\S"
LARGEST_EXACT = 2.0**53

# Required besides the required features: they identify a listing and its day.
IDENTIFYING = ("id", "posting_date")


class Violation(NamedTuple):
    """One rule and the rows that break it (boolean, one for each row of the batch)."""

    column: str
    rule: str
    broken: np.ndarray


Typed = tuple[pa.Array, list[Violation]]


def check_raw_text(column: Column, raw: Cells, tidy: Cells) -> list[Violation]:
    """Violations that only the raw text shows: normalising removes them."""
    values = raw.values
    if values is tidy.values:
        return []  # normalising changed nothing, so no such character is in it
    rules = (
        ("not valid UTF-8", pc.match_substring(values, BROKEN_CHARACTER)),
        ("holds a control character", pc.match_substring_regex(values, CONTROL_CHARACTER)),
        ("holds a line break", pc.match_substring_regex(values, LINE_BREAK)),
    )
    return [v for rule, wrong in rules for v in _violation(column, rule, wrong, raw)]


def check_integers(column: Column, cells: Cells) -> Typed:
    """Whole numbers as int64. Rules: whole number, limits, placeholders."""
    shaped = full_match(cells.values, WHOLE_NUMBER)
    numbers = pc.if_else(shaped, cells.values, None).cast(pa.float64())
    whole = pc.and_(pc.is_finite(numbers), pc.equal(pc.floor(numbers), numbers)).fill_null(False)
    numbers = pc.if_else(whole, numbers, None)
    wrong = pc.and_(pc.invert(whole), cells.values.is_valid())
    rules = [*_limits(column, numbers), ("not a whole number", wrong)]
    exact = pc.if_else(pc.less(pc.abs(numbers), LARGEST_EXACT), numbers, None).cast(pa.int64())
    violations = [v for rule, broken in rules for v in _violation(column, rule, broken, cells)]
    return cells.expand(exact), _missing(column, cells) + violations


def check_texts(column: Column, cells: Cells) -> Typed:
    """Free text, unchanged. Rule: its length."""
    return cells.expand(cells.values), _missing(column, cells) + _too_long(column, cells)


def check_levels(column: Column, cells: Cells) -> Typed:
    """Levels in the schema's spelling. An unknown level breaks a rule unless the list is open."""
    lowered = pc.utf8_lower(cells.values)
    index = pc.index_in(lowered, pa.array([level.lower() for level in column.levels]))
    spelled = pc.coalesce(pa.array(column.levels).take(index), lowered)
    violations = _missing(column, cells) + _too_long(column, cells)
    if not column.open_levels:
        unknown = pc.and_(index.is_null(), lowered.is_valid())
        violations += _violation(column, "not a known level", unknown, cells)
    return cells.expand(spelled), violations


def check_dates(column: Column, cells: Cells) -> tuple[pa.Array, pa.Array, list[Violation]]:
    """Moments in UTC, and the local calendar days ('YYYY-MM-DD'). Rule: a valid ISO 8601 date."""
    shaped = full_match(cells.values, ISO_DATE)
    written = pc.if_else(shaped, cells.values, None)
    posted = parse_moments(written)
    wrong = pc.and_(posted.is_null(), cells.values.is_valid())
    rule = f"not a date like {column.example}"
    violations = _missing(column, cells) + list(_violation(column, rule, wrong, cells))
    days = pc.utf8_slice_codeunits(written, 0, 10)
    return cells.expand(posted), cells.expand(days), violations


def check_year_against_posting(column: Column, years: pa.Array, posted: pa.Array) -> Violation:
    """A car's model year is at most the year after its posting."""
    wrong = pc.greater(years, pc.add(pc.year(posted), YEARS_AHEAD)).fill_null(False)
    return Violation(column.name, "later than the year after its posting", _mask(wrong))


def _limits(column: Column, numbers: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    unit = f" {column.unit}" if column.unit else ""
    if column.minimum is not None:
        yield f"below {column.minimum}{unit}", pc.less(numbers, column.minimum)
    if column.maximum is not None:
        yield f"above {column.maximum}{unit}", pc.greater(numbers, column.maximum)
    if column.placeholders:
        typed_in = pa.array(column.placeholders, pa.float64())
        yield "a number people type when they do not know", pc.is_in(numbers, typed_in)


def _missing(column: Column, cells: Cells) -> list[Violation]:
    if not column.required and column.name not in IDENTIFYING:
        return []
    missing = cells.expand(cells.values.is_null()).fill_null(True)
    return [Violation(column.name, "missing", _mask(missing))]


def _too_long(column: Column, cells: Cells) -> list[Violation]:
    rule = f"longer than {column.max_length} characters"
    wrong = pc.greater(pc.utf8_length(cells.values), column.max_length)
    return list(_violation(column, rule, wrong, cells))


def _violation(column: Column, rule: str, wrong: pa.Array, cells: Cells) -> Iterator[Violation]:
    """The violation, if any value is wrong; the values are expanded to rows only then."""
    if pc.any(wrong).as_py():
        yield Violation(column.name, rule, _mask(cells.expand(wrong).fill_null(False)))


def parse_moments(written: pa.Array) -> pa.Array:
    """Texts of the form ISO_DATE as moments in UTC; null for a date that is not on the calendar.

    >>> parse_moments(pa.array(["2021-04-28T12:00:00-0500"]))[0].as_py().hour
    17
    """
    try:
        return written.cast(MOMENT)
    except pa.ArrowInvalid:
        # Arrow refuses the whole array for one invalid date or one date without an offset.
        parsed = pd.to_datetime(
            pd.Series(written.to_pandas(), dtype=object),
            utc=True,
            format="ISO8601",
            errors="coerce",
        )
        return pa.array(parsed.astype("datetime64[ns, UTC]"), MOMENT, from_pandas=True)


def _mask(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
