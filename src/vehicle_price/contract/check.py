"""The data contract: the rules that a listing must satisfy before a model is trained on it.

`check` splits a raw batch into accepted rows, typed, and quarantined rows: raw text with all
reasons. No row is lost. The rules are generated from `schema.py` and run in Arrow, one column at a
time: setup/contract.md, setup/decisions/0012-contract-in-arrow.md.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract import rules
from vehicle_price.contract.distributions import Values, values_of
from vehicle_price.contract.posting_day import posting_days
from vehicle_price.contract.rules import MOMENT, Violation
from vehicle_price.contract.text_columns import Cells, encode_cells, normalised
from vehicle_price.schema import BY_NAME, COLUMNS, Column

# Carried columns that are stored: they identify a listing, a car and a day. The other carried
# columns are not even read.
IDENTIFIERS = ("id", "VIN", "posting_date")
STORED_COLUMNS = tuple(c.name for c in COLUMNS if c.role != "carried" or c.name in IDENTIFIERS)

# Optional column of a raw batch: why the reader could not parse the row; null for other rows.
READER_FAULT = "reader_fault"

_ARROW = {"integer": pa.int64(), "date": MOMENT}
LISTING_SCHEMA = pa.schema(
    [(name, _ARROW.get(BY_NAME[name].kind, pa.string())) for name in STORED_COLUMNS]
    + [("posting_day", pa.string())]
)
QUARANTINE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in STORED_COLUMNS] + [("reasons", pa.list_(pa.string()))]
)
SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Checked:
    """A raw batch, split into accepted and quarantined rows.

    accepted: LISTING_SCHEMA; `posting_day` is the seller's calendar day ('YYYY-MM-DD').
    quarantined: QUARANTINE_SCHEMA: the raw text, and for each row a list of reasons such as
        'price: below 500 USD, got 0'. The text before ', got' is the rule.
    values: of all rows, accepted or not, for the distributions in the report.
    """

    accepted: pa.Table
    quarantined: pa.Table
    values: Values

    @cached_property
    def quarantined_days(self) -> pa.Array:
        """The posting day of each quarantined row; UNDATED where its date is not valid."""
        return posting_days(self.quarantined["posting_date"])


def check(raw: pd.DataFrame) -> Checked:
    """Check every row of `raw` (text columns of the schema; a missing column counts as empty).

    Each row is in exactly one of the two tables, which keep the order of the rows.
    """
    text = {name: _text(raw, name) for name in STORED_COLUMNS}
    fault = _text(raw, READER_FAULT)
    typed, tidy, violations = _check_columns(text)
    unparsed = _numpy(fault.is_valid())
    violations = [v._replace(broken=v.broken & ~unparsed) for v in violations]
    bad = unparsed.copy()
    for violation in violations:
        bad |= violation.broken
    accepted = pa.table(typed, LISTING_SCHEMA).filter(pa.array(~bad))
    reasons = _reasons([v for v in violations if v.broken.any()], tidy, fault, bad)
    quarantined = pa.table(text).filter(pa.array(bad)).append_column("reasons", reasons)
    return Checked(accepted, quarantined.cast(QUARANTINE_SCHEMA), values_of(typed))


def rule_of(reason: str) -> str:
    """The rule in a reason, without the row's value.

    >>> rule_of("price: below 500 USD, got 0")
    'price: below 500 USD'
    """
    return reason.split(", got ", 1)[0]


def _text(raw: pd.DataFrame, name: str) -> pa.Array:
    if name not in raw:
        return pa.nulls(len(raw), pa.string())
    values = pa.array(raw[name], pa.string(), from_pandas=True)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _check_columns(
    text: dict[str, pa.Array],
) -> tuple[dict[str, pa.Array], dict[str, Cells], list[Violation]]:
    """Typed columns of all rows, their normalised text, and all violations."""
    typed: dict[str, pa.Array] = {}
    tidy: dict[str, Cells] = {}
    violations: list[Violation] = []
    for name, values in text.items():
        column = BY_NAME[name]
        raw = encode_cells(values, repeats=column.role != "carried")
        tidy[name] = raw._replace(values=normalised(raw.values))
        typed |= _check_column(column, tidy[name], violations)
        violations += rules.check_raw_text(column, raw, tidy[name])
    for column in COLUMNS:
        if column.follows_posting:
            years, posted = typed[column.name], typed["posting_date"]
            violations.append(rules.check_year_against_posting(column, years, posted))
    return typed, tidy, violations


def _check_column(column: Column, tidy: Cells, violations: list[Violation]) -> dict[str, pa.Array]:
    """The typed columns made from one raw column; its violations are added to `violations`."""
    if column.kind == "date":
        moments, days, broken = rules.check_dates(column, tidy)
        typed = {column.name: moments, "posting_day": days}
    else:
        checks = {"integer": rules.check_integers, "level": rules.check_levels}
        values, broken = checks.get(column.kind, rules.check_texts)(column, tidy)
        typed = {column.name: values}
    violations += broken
    return typed


def _reasons(
    violations: list[Violation], tidy: dict[str, Cells], fault: pa.Array, bad: np.ndarray
) -> pa.Array:
    """For each bad row the list of its reasons, in the order of `violations`."""
    bad_row = np.cumsum(bad) - 1  # row → its index among the bad rows
    rows, reasons = [bad_row[_numpy(fault.is_valid())]], [fault.drop_null()]
    for column, rule, broken in violations:
        rows.append(bad_row[broken])
        reasons.append(_reasons_of_rule(column, rule, tidy[column], broken))
    row = np.concatenate(rows)
    ends = np.cumsum(np.bincount(row, minlength=int(bad.sum())))
    by_row = pa.concat_arrays(reasons).take(pa.array(np.argsort(row, kind="stable")))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), by_row)


def _reasons_of_rule(column: str, rule: str, tidy: Cells, broken: np.ndarray) -> pa.Array:
    """The reason of each row that breaks one rule: the rule and the row's value, shortened."""
    values = tidy.expand(tidy.values).filter(pa.array(broken))
    shown = pc.utf8_slice_codeunits(values, 0, SHOWN_CHARACTERS)
    reasons = pc.binary_join_element_wise(f"{column}: {rule}, got ", shown, "")
    return pc.coalesce(reasons, pa.scalar(f"{column}: {rule}"))


def _numpy(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
