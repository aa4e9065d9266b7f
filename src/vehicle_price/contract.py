"""What a listing must satisfy before anything is trained on it.

`check` splits a raw frame in two: rows that satisfy every rule, typed, and the
rest as they came, each with all the reasons. No row is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.schema import BY_NAME, COLUMNS, Column

TEXT = pd.ArrowDtype(pa.string())

# Carried columns that accepted listings keep: what identifies a listing, a car and a day.
KEPT = ("id", "VIN", "posting_date")
ACCEPTED = tuple(c.name for c in COLUMNS if c.role != "carried" or c.name in KEPT)

WHOLE_NUMBER = r"-?\d{1,15}(\.\d{1,9})?([eE][+-]?\d{1,2})?"
ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?"
BROKEN_CHARACTER = "\N{REPLACEMENT CHARACTER}"
SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Checked:
    """A raw frame, split.

    accepted: columns ACCEPTED plus `posting_day` ('YYYY-MM-DD', local to the listing);
        price, year, odometer int64, posting_date datetime64[ns, UTC], else str or None.
    quarantined: the raw columns plus `reasons`, a list of text for each row, such as
        'price: below 500 USD, got 0'. What precedes ', got' is the rule.
    """

    accepted: pd.DataFrame
    quarantined: pd.DataFrame


class Violation(NamedTuple):
    """One rule and the rows that break it (boolean, one for each row of the batch)."""

    column: str
    rule: str
    broken: np.ndarray


def check(raw: pd.DataFrame) -> Checked:
    """Split `raw` (text columns of the schema; a missing one counts as empty).

    Every row ends in exactly one of the two frames, in its order.
    """
    text = {name: normalised(_text(raw, name)) for name in ACCEPTED}
    typed, violations = _typed(text)
    bad = np.zeros(len(raw), bool)
    for violation in violations:
        bad |= violation.broken
    accepted = pd.DataFrame(typed)[~bad].reset_index(drop=True)
    quarantined = raw[bad].reset_index(drop=True)
    reasons = pd.Series(_reasons(violations, text, bad), dtype=object)
    return Checked(accepted, quarantined.assign(reasons=reasons))


def normalised(text: pd.Series) -> pd.Series:
    """Text without outer or repeated white space, control or zero-width characters.

    Empty becomes missing.

    >>> normalised(pd.Series(["  f-150\\u200b  XLT ", " "], dtype=TEXT)).tolist()
    ['f-150 XLT', <NA>]
    """
    values = pc.replace_substring_regex(pa.array(text), r"[\s\p{Z}]+", " ")
    values = pc.replace_substring_regex(values, r"[\p{Cc}\p{Cf}]+", "")
    values = pc.utf8_trim(values, " ")
    values = pc.if_else(pc.equal(values, ""), None, values)
    return pd.Series(values, index=text.index, dtype=TEXT)


def rule_of(reason: str) -> str:
    """The rule in a reason, without the row's value.

    >>> rule_of("price: below 500 USD, got 0")
    'price: below 500 USD'
    """
    return reason.split(", got ", 1)[0]


def _text(raw: pd.DataFrame, name: str) -> pd.Series:
    if name not in raw:
        return pd.Series(pa.nulls(len(raw), pa.string()), index=raw.index, dtype=TEXT)
    column = raw[name]
    return column if column.dtype == TEXT else column.astype(TEXT)


def _typed(text: dict[str, pd.Series]) -> tuple[dict[str, pd.Series], list[Violation]]:
    """The accepted columns as if every row were good, and what is wrong with which row."""
    moment, day, violations = _dates(text["posting_date"])
    typed: dict[str, pd.Series] = {}
    for name in ACCEPTED:
        column, values = BY_NAME[name], text[name]
        if column.kind == "integer":
            numbers, found = _integers(column, values)
            typed[name] = pd.Series(np.nan_to_num(numbers), index=values.index).astype("int64")
            violations += found
        elif name == "posting_date":
            typed[name] = moment
        else:
            typed[name] = _objects(_levels(column, values) if column.kind == "level" else values)
            violations += _text_violations(column, values)
    newest = moment.dt.year.to_numpy() + 1
    violations.append(
        Violation(
            "year", "later than the year after its posting", typed["year"].to_numpy() > newest
        )
    )
    return typed | {"posting_day": day}, [v for v in violations if v.broken.any()]


def _dates(text: pd.Series) -> tuple[pd.Series, pd.Series, list[Violation]]:
    shaped = text.where(text.str.fullmatch(ISO_DATE).fillna(False).astype(bool))
    moment = pd.to_datetime(_objects(shaped), utc=True, format="ISO8601", errors="coerce")
    moment = moment.astype("datetime64[ns, UTC]")
    missing = text.isna().to_numpy()
    wrong = moment.isna().to_numpy() & ~missing
    return (
        moment,
        _objects(shaped.str.slice(0, 10)),
        [
            Violation("posting_date", "missing", missing),
            Violation("posting_date", "not a date like 2021-04-28T12:00:00-0500", wrong),
        ],
    )


def _integers(column: Column, text: pd.Series) -> tuple[np.ndarray, list[Violation]]:
    """The numbers as float64 (NaN where there is none), and what is wrong with them."""
    shaped = text.where(text.str.fullmatch(WHOLE_NUMBER).fillna(False).astype(bool))
    numbers = shaped.astype(pd.ArrowDtype(pa.float64())).to_numpy(float, na_value=np.nan)
    missing = text.isna().to_numpy()
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(numbers) & (np.mod(numbers, 1) == 0)
        numbers = np.where(whole, numbers, np.nan)
        found = list(_limits(column, numbers))
    if column.required:
        found.append(Violation(column.name, "missing", missing))
    return numbers, [*found, Violation(column.name, "not a whole number", ~whole & ~missing)]


def _limits(column: Column, numbers: np.ndarray) -> Iterator[Violation]:
    unit = f" {column.unit}" if column.unit else ""
    if column.minimum is not None:
        yield Violation(column.name, f"below {column.minimum}{unit}", numbers < column.minimum)
    if column.maximum is not None:
        yield Violation(column.name, f"above {column.maximum}{unit}", numbers > column.maximum)
    if column.placeholders:
        typed_in = np.isin(numbers, column.placeholders)
        yield Violation(column.name, "a number people type when they do not know", typed_in)


def _text_violations(column: Column, text: pd.Series) -> list[Violation]:
    found = [
        Violation(
            column.name,
            f"longer than {column.max_length} characters",
            (text.str.len() > column.max_length).fillna(False).to_numpy(bool),
        ),
        Violation(
            column.name,
            "not valid UTF-8",
            text.str.contains(BROKEN_CHARACTER, regex=False).fillna(False).to_numpy(bool),
        ),
    ]
    if column.required or column.name == "id":
        found.append(Violation(column.name, "missing", text.isna().to_numpy()))
    return found


def _levels(column: Column, text: pd.Series) -> pd.Series:
    """Levels in the schema's spelling; an unknown one is kept, in lower case."""
    lowered = text.str.lower()
    for level in column.levels:
        if level != level.lower():
            lowered = lowered.mask((lowered == level.lower()).fillna(False).astype(bool), level)
    return lowered


def _objects(text: pd.Series) -> pd.Series:
    """The same text as Python strings and None."""
    values = pa.array(text).to_numpy(zero_copy_only=False)
    return pd.Series(values, index=text.index, dtype=object)


def _reasons(
    violations: list[Violation], text: dict[str, pd.Series], bad: np.ndarray
) -> list[list[str]]:
    place = np.cumsum(bad) - 1
    reasons: list[list[str]] = [[] for _ in range(int(bad.sum()))]
    for column, rule, broken in violations:
        shown = text[column][broken].str.slice(0, SHOWN_CHARACTERS)
        for row, value in zip(place[broken], _objects(shown)):
            reasons[row].append(
                f"{column}: {rule}" if value is None else f"{column}: {rule}, got {value}"
            )
    return reasons
