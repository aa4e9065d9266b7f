"""One day's rows, old and new together. The result depends on neither order nor repetition."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def merge_listings(*parts: pa.Table) -> pa.Table:
    """Each id once, in the order of the ids (all LISTING_SCHEMA, all of one day).

    Of several rows with one id the one posted last stays; if those still differ, the one whose
    text is the greatest, so that it does not matter which came first.
    """
    table = pa.concat_tables(parts)
    ordered = _by(table, "id")
    if not _repeats(ordered["id"]).any():
        return ordered
    ordered = _by(table.append_column("text", row_text(table)), "id", "posting_date", "text")
    return _last_of_each(ordered, _repeats(ordered["id"])).drop_columns("text")


def merge_quarantine(*parts: pa.Table) -> pa.Table:
    """Each refused row as often as the part has it that has it most often, in a fixed order.

    Refused rows need not have an id, and a part may rightly hold two that are equal (two empty
    lines, say): reading the same part again must not add them again.
    """
    table = _by(pa.concat_tables([_numbered(part) for part in parts]), "text", "number", "why")
    repeats = _repeats(table["text"]) & _repeats(table["number"])
    return _last_of_each(table, repeats).drop_columns(["text", "number", "why"])


def row_text(table: pa.Table) -> pa.ChunkedArray:
    """All cells of a row in one text that no other row has: 'length:value' after each other."""
    pieces = []
    for column in table.columns:
        text = column.cast(pa.string())
        length = pc.fill_null(pc.binary_length(text).cast(pa.string()), "-")
        pieces += [length, pc.fill_null(text, "")]
    return pc.binary_join_element_wise(*pieces, ":")


def _numbered(table: pa.Table) -> pa.Table:
    """The rows with their text, their reasons as text, and which of its equals each is."""
    raw = table.drop_columns("reasons")
    table = table.append_column("text", row_text(raw))
    table = _by(table.append_column("why", pc.binary_join(table["reasons"], "\n")), "text", "why")
    repeats = _repeats(table["text"])
    place = np.arange(len(table))
    first = np.maximum.accumulate(np.where(repeats, 0, place)) if len(table) else place
    return table.append_column("number", pa.array(place - first))


def _by(table: pa.Table, *names: str) -> pa.Table:
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names])
    return table.take(order)


def _repeats(column: pa.ChunkedArray) -> np.ndarray:
    """Which values equal the one before."""
    same = np.zeros(len(column), bool)
    if len(column) > 1:
        same[1:] = pc.equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy()
    return same


def _last_of_each(table: pa.Table, repeats: np.ndarray) -> pa.Table:
    """Only the last row of every run of repeats."""
    last = np.append(~repeats[1:], True) if len(repeats) else repeats
    return table.filter(pa.array(last))
