"""The one shape every source yields: the columns the contract keeps, all text, in its order."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS
from vehicle_price.contract.posting_day import LAST_DAY, UNDATED, posting_days
from vehicle_price.sources.base import SourceQuery

BATCH_ROWS = 50_000


def frames(
    batch: pa.RecordBatch | pa.Table, columns: Sequence[str] = STORED_COLUMNS
) -> Iterator[pd.DataFrame]:
    """Raw frames of at most BATCH_ROWS rows; a column the batch lacks is all missing.

    Columns may hold bytes, text, numbers or dates; each becomes Arrow text, which is not copied
    into one Python string a cell. The column `READER_FAULT` is
    kept where the batch has it.
    Raises pyarrow.ArrowException for a column that has no text form (a list, say).
    """
    if READER_FAULT in batch.schema.names:
        columns = [*columns, READER_FAULT]
    for start in range(0, batch.num_rows, BATCH_ROWS):
        part = batch.slice(start, BATCH_ROWS)
        yield pd.DataFrame({name: _column(part, name) for name in columns}, copy=False)


def within(raw: Iterable[pd.DataFrame], query: SourceQuery) -> Iterator[pd.DataFrame]:
    """Only the rows posted from `query.since` to `query.until`, by the seller's calendar.

    A row without a readable posting day counts as before every day: it is read when `since` is
    open, so that reading day after day meets it once. Frames left empty are not yielded.
    """
    if not query.since and not query.until:
        yield from raw
        return
    for frame in raw:
        days = posting_days(pa.array(frame["posting_date"], pa.string(), from_pandas=True))
        days = pc.if_else(pc.equal(days, UNDATED), "", days)
        inside = pc.and_(
            pc.greater_equal(days, query.since), pc.less_equal(days, query.until or LAST_DAY)
        )
        found = frame[inside.to_numpy(zero_copy_only=False)]
        if len(found):
            yield found.reset_index(drop=True)


def missing_from(names: Sequence[str], needed: Sequence[str]) -> list[str]:
    """The needed columns that `names` lacks, in the order of `needed`."""
    return [name for name in needed if name not in names]


def _column(batch: pa.RecordBatch | pa.Table, name: str) -> pd.Series:
    if name in batch.schema.names:
        column = batch.column(name)
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        text = _text(whole)
    else:
        text = pa.nulls(batch.num_rows, pa.string())
    # Given the bare Arrow array, pandas would make an object of each cell on the way.
    return pd.Series(pd.arrays.ArrowExtensionArray(text))


def _text(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        if not pa.types.is_binary(values.type):
            raise
    # Not UTF-8. U+FFFD marks the broken characters, so that the contract can refuse the row.
    decoded = [None if v is None else v.decode("utf-8", "replace") for v in values.to_pylist()]
    return pa.array(decoded, pa.string())
