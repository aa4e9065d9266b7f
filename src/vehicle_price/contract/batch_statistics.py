"""What came in, counted while it goes by."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.check import ACCEPTED, Checked
from vehicle_price.contract.posting_day import posting_days


@dataclass
class Tally:
    """Counts of the batches of one ingest.

    rules: rows breaking each rule (a row can break several); examples: a reason for each.
    missing: rows without a value, by column. days: posting day → rows, those not on the calendar
    under `days.UNDATED`.
    """

    accepted: int = 0
    quarantined: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    accepted_days: Counter[str] = field(default_factory=Counter)
    quarantined_days: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        """Every row ends in one place, so this is how many came."""
        return self.accepted + self.quarantined

    def add(self, batch: Checked) -> None:
        """Count one checked batch."""
        self.accepted += len(batch.accepted)
        self.quarantined += len(batch.quarantined)
        for name in ACCEPTED:
            self.missing[name] += _missing(batch.accepted[name]) + _missing(batch.quarantined[name])
        self.accepted_days.update(_counts(batch.accepted["posting_day"]))
        self.quarantined_days.update(_counts(posting_days(batch.quarantined["posting_date"])))
        self._add_reasons(batch.quarantined["reasons"])

    def _add_reasons(self, reasons: pa.ChunkedArray) -> None:
        said = pc.list_flatten(reasons)
        rules = pc.replace_substring_regex(said, r"(?s), got .*", "")
        table = pa.table({"rule": rules, "said": said}).group_by("rule", use_threads=False)
        found = table.aggregate([("said", "count"), ("said", "first")])
        for rule, count, example in zip(*(column.to_pylist() for column in found.columns)):
            self.rules[rule] += count
            self.examples.setdefault(rule, example)


def _missing(column: pa.ChunkedArray) -> int:
    if pa.types.is_string(column.type):
        return column.null_count + (pc.sum(pc.equal(pc.utf8_length(column), 0)).as_py() or 0)
    return column.null_count


def _counts(values: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    return {found["values"]: found["counts"] for found in pc.value_counts(values).to_pylist()}
