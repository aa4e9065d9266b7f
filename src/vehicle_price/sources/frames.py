"""Raw frames, the format that every source yields: the stored columns as text, in fixed order."""

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
    """Raw frames of at most BATCH_ROWS rows; a column that the batch lacks is null in every row.

    Columns may hold bytes, text, numbers or dates. Each becomes Arrow text, without a Python
    string for each cell. The column `READER_FAULT` is included if the batch has it.
    Raises pyarrow.ArrowException for a column that has no text form (a list, say).
    """
    if READER_FAULT in batch.schema.names:
        columns = [*columns, READER_FAULT]
    for start in range(0, batch.num_rows, BATCH_ROWS):
        rows = batch.slice(start, BATCH_ROWS)
        yield pd.DataFrame({name: _column(rows, name) for name in columns}, copy=False)


def within(raw: Iterable[pd.DataFrame], query: SourceQuery) -> Iterator[pd.DataFrame]:
    """Only the rows posted from `query.since` to `query.until`, by the seller's calendar.

    A row without a valid posting day counts as before every day: it is read when `since` is open,
    so that reading day after day yields it once. Empty frames are not yielded.
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
        selected = frame[inside.to_numpy(zero_copy_only=False)]
        if len(selected):
            yield selected.reset_index(drop=True)


def missing_columns(names: Sequence[str], required: Sequence[str]) -> list[str]:
    """The required columns that `names` lacks, in the order of `required`."""
    return [name for name in required if name not in names]


def _column(batch: pa.RecordBatch | pa.Table, name: str) -> pd.Series:
    if name in batch.schema.names:
        column = batch.column(name)
        text = _text(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    else:
        text = pa.nulls(batch.num_rows, pa.string())
    # From a plain Arrow array, pandas would first create a Python object for each cell.
    return pd.Series(pd.arrays.ArrowExtensionArray(text))


def _text(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        if not pa.types.is_binary(values.type):
            raise
    # Not UTF-8. U+FFFD replaces invalid bytes, so that the contract can quarantine the row.
    decoded = [None if v is None else v.decode("utf-8", "replace") for v in values.to_pylist()]
    return pa.array(decoded, pa.string())
