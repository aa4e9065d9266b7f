"""Counts of the checked batches of one ingest, for its report and its thresholds."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.check import STORED_COLUMNS, Checked
from vehicle_price.contract.distributions import Distributions


@dataclass
class BatchStatistics:
    """Counts over all batches added.

    rules: rows breaking each rule (a row can break several); examples: a reason for each rule.
    missing: rows without a value, by column. accepted_days, quarantined_days: rows by posting
    day; rows without a valid date count under `posting_day.UNDATED`. distributions: of all rows.
    """

    accepted: int = 0
    quarantined: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    accepted_days: Counter[str] = field(default_factory=Counter)
    quarantined_days: Counter[str] = field(default_factory=Counter)
    distributions: Distributions = field(default_factory=Distributions)

    @property
    def read(self) -> int:
        """Number of rows read: every row is either accepted or quarantined."""
        return self.accepted + self.quarantined

    def add(self, batch: Checked) -> None:
        """Count one checked batch."""
        self.accepted += len(batch.accepted)
        self.quarantined += len(batch.quarantined)
        for name in STORED_COLUMNS:
            self.missing[name] += _missing(batch.accepted[name]) + _missing(batch.quarantined[name])
        self.accepted_days.update(_counts(batch.accepted["posting_day"]))
        self.quarantined_days.update(_counts(batch.quarantined_days))
        self._add_reasons(batch.quarantined["reasons"])
        self.distributions.add(batch.values)

    def _add_reasons(self, reasons: pa.ChunkedArray) -> None:
        reason = pc.list_flatten(reasons)
        rule = pc.replace_substring_regex(reason, r"(?s), got .*", "")
        grouped = pa.table({"rule": rule, "reason": reason}).group_by("rule", use_threads=False)
        counts = grouped.aggregate([("reason", "count"), ("reason", "first")])
        for name, count, example in zip(*(column.to_pylist() for column in counts.columns)):
            self.rules[name] += count
            self.examples.setdefault(name, example)


def _missing(column: pa.ChunkedArray) -> int:
    if pa.types.is_string(column.type):
        return column.null_count + (pc.sum(pc.equal(pc.binary_length(column), 0)).as_py() or 0)
    return column.null_count


def _counts(values: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()}
