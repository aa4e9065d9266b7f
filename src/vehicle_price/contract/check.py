"""What a listing must satisfy before anything is trained on it.

`check` splits a raw batch in two: rows that satisfy every rule, typed, and the rest as they
came, each with all the reasons. No row is lost. The rules are made from `schema.py` and run in
Arrow, a column at a time: setup/contract.md, setup/decisions/0012-contract-in-arrow.md.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract import rules
from vehicle_price.contract.posting_day import posting_days
from vehicle_price.contract.rules import MOMENT, Violation
from vehicle_price.contract.text_columns import Cells, cells, normalised
from vehicle_price.schema import BY_NAME, COLUMNS, Column

# Carried columns that listings keep: what identifies a listing, a car and a day. The other
# carried columns are not even read.
KEPT = ("id", "VIN", "posting_date")
ACCEPTED = tuple(c.name for c in COLUMNS if c.role != "carried" or c.name in KEPT)

# Optional column of a raw batch: why the reader could not take the row apart, else missing.
FAULT = "reader_fault"

_ARROW = {"integer": pa.int64(), "date": MOMENT}
LISTING_SCHEMA = pa.schema(
    [(name, _ARROW.get(BY_NAME[name].kind, pa.string())) for name in ACCEPTED]
    + [("posting_day", pa.string())]
)
QUARANTINE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ACCEPTED] + [("reasons", pa.list_(pa.string()))]
)
SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Checked:
    """A raw batch, split.

    accepted: LISTING_SCHEMA; `posting_day` is the seller's calendar day ('YYYY-MM-DD').
    quarantined: QUARANTINE_SCHEMA: the text as it came, and for each row a list of reasons such
        as 'price: below 500 USD, got 0'. What precedes ', got' is the rule.
    """

    accepted: pa.Table
    quarantined: pa.Table

    @cached_property
    def quarantined_days(self) -> pa.Array:
        """The posting day of each quarantined row; UNDATED where its date is not valid."""
        return posting_days(self.quarantined["posting_date"])


def check(raw: pd.DataFrame) -> Checked:
    """Split `raw` (text columns of the schema; a missing one counts as empty).

    Every row ends in exactly one of the two tables, in its order.
    """
    text = {name: _text(raw, name) for name in ACCEPTED}
    fault = _text(raw, FAULT)
    typed, tidy, violations = _typed(text)
    unread = _numpy(fault.is_valid())
    violations = [v._replace(broken=v.broken & ~unread) for v in violations]
    bad = unread.copy()
    for violation in violations:
        bad |= violation.broken
    accepted = pa.table(typed, LISTING_SCHEMA).filter(pa.array(~bad))
    reasons = _reasons([v for v in violations if v.broken.any()], tidy, fault, bad)
    quarantined = pa.table(text).filter(pa.array(bad)).append_column("reasons", reasons)
    return Checked(accepted, quarantined.cast(QUARANTINE_SCHEMA))


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


def _typed(
    text: dict[str, pa.Array],
) -> tuple[dict[str, pa.Array], dict[str, Cells], list[Violation]]:
    """The accepted columns as if every row were good, the tidy text, and what is wrong."""
    typed: dict[str, pa.Array] = {}
    tidy: dict[str, Cells] = {}
    violations: list[Violation] = []
    for name, values in text.items():
        column = BY_NAME[name]
        raw = cells(values, repeats=column.role != "carried")
        tidy[name] = raw._replace(values=normalised(raw.values))
        typed |= _column(column, tidy[name], violations)
        violations += rules.broken_text(column, raw, tidy[name])
    violations += rules.too_new(typed["year"], typed["posting_date"])
    return typed, tidy, violations


def _column(column: Column, tidy: Cells, violations: list[Violation]) -> dict[str, pa.Array]:
    """The columns that this one gives; what is wrong is added to `violations`."""
    if column.kind == "date":
        moments, days, found = rules.dates(column, tidy)
        typed = {column.name: moments, "posting_day": days}
    else:
        rule = {"integer": rules.integers, "level": rules.levels}.get(column.kind, rules.texts)
        values, found = rule(column, tidy)
        typed = {column.name: values}
    violations += found
    return typed


def _reasons(
    violations: list[Violation], tidy: dict[str, Cells], fault: pa.Array, bad: np.ndarray
) -> pa.Array:
    """For each bad row the list of what is wrong with it, in the order of `violations`."""
    place = np.cumsum(bad) - 1
    rows, said = [place[_numpy(fault.is_valid())]], [fault.drop_null()]
    for column, rule, broken in violations:
        rows.append(place[broken])
        said.append(_said(column, rule, tidy[column], broken))
    row = np.concatenate(rows)
    ends = np.cumsum(np.bincount(row, minlength=int(bad.sum())))
    in_order = pa.concat_arrays(said).take(pa.array(np.argsort(row, kind="stable")))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), in_order)


def _said(column: str, rule: str, tidy: Cells, broken: np.ndarray) -> pa.Array:
    got = tidy.spread(tidy.values).filter(pa.array(broken))
    shown = pc.utf8_slice_codeunits(got, 0, SHOWN_CHARACTERS)
    named = pc.binary_join_element_wise(f"{column}: {rule}, got ", shown, "")
    return pc.coalesce(named, pa.scalar(f"{column}: {rule}"))


def _numpy(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
