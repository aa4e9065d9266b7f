"""Merge old and new rows of one day. The result depends on neither order nor repetition."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def merge_listings(*tables: pa.Table) -> pa.Table:
    """Each id once, sorted by id (all tables LISTING_SCHEMA, all of one day).

    Of several rows with one id the row posted last remains; of rows that were posted at the same
    time, the row whose text is the greatest, so that the order of the tables does not matter.
    """
    table = pa.concat_tables(tables, promote_options="default")
    by_id = _sorted_by(table, "id")
    if not _equals_previous(by_id["id"]).any():
        return by_id
    by_id = _sorted_by(table.append_column("text", row_text(table)), "id", "posting_date", "text")
    return _last_of_each(by_id, _equals_previous(by_id["id"])).drop_columns("text")


def merge_quarantine(*tables: pa.Table) -> pa.Table:
    """Keep duplicates of a quarantined row: as many copies as the table with the most copies has.

    Quarantined rows may lack an id, and one table may hold equal rows (two empty lines, say):
    merging the same table again must not add them again. The rows are sorted by their text.
    """
    numbered = [_number_copies(table) for table in tables]
    merged = numbered[0] if len(numbered) == 1 else _most_copies(numbered)
    return merged.drop_columns(["text", "copy", "why"])


def row_text(table: pa.Table) -> pa.ChunkedArray:
    """A text for each row that is equal for equal rows only: 'length:value' of every cell."""
    pieces = []
    for column in table.columns:
        text = column.cast(pa.string())
        length = pc.fill_null(pc.binary_length(text).cast(pa.string()), "-")
        pieces += [length, pc.fill_null(text, "")]
    return pc.binary_join_element_wise(*pieces, ":")


def _number_copies(table: pa.Table) -> pa.Table:
    """Sort by and add `text` (the row's) and `why` (its reasons); add `copy`: 0, 1, … among rows of
    equal text."""
    raw = table.drop_columns("reasons")
    table = table.append_column("text", row_text(raw))
    reasons = pc.binary_join(table["reasons"], "\n")
    table = _sorted_by(table.append_column("why", reasons), "text", "why")
    repeats = _equals_previous(table["text"])
    index = np.arange(len(table))
    first_copy = np.maximum.accumulate(np.where(repeats, 0, index)) if len(table) else index
    return table.append_column("copy", pa.array(index - first_copy))


def _most_copies(numbered: list[pa.Table]) -> pa.Table:
    """Each copy once, of the tables that `_number_copies` made."""
    table = pa.concat_tables(numbered, promote_options="default")
    table = _sorted_by(table, "text", "copy", "why")
    repeats = _equals_previous(table["text"]) & _equals_previous(table["copy"])
    return _last_of_each(table, repeats)


def _sorted_by(table: pa.Table, *names: str) -> pa.Table:
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names])
    return table.take(order)


def _equals_previous(column: pa.ChunkedArray) -> np.ndarray:
    """Whether each value equals the value before it; False for the first."""
    same = np.zeros(len(column), bool)
    if len(column) > 1:
        same[1:] = pc.equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy()
    return same


def _last_of_each(table: pa.Table, repeats: np.ndarray) -> pa.Table:
    """Only the last row of every run of repeats."""
    last = np.append(~repeats[1:], True) if len(repeats) else repeats
    return table.filter(pa.array(last))
